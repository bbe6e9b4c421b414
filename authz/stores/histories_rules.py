"""Each kind of rule as the script on Redis is told about it. Knows the script's words and no connection."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from authz.behaviour.attempts import PaceWatcher, ProbesWatcher, RepeatsWatcher
from authz.behaviour.flight import ConcurrencyWatcher
from authz.behaviour.order import FirstUseWatcher, SequenceWatcher
from authz.behaviour.plan import Role
from authz.behaviour.runs import RunWatcher
from authz.behaviour.values import BILLION
from authz.behaviour.watcher import MOST_VALUES
from authz.behaviour.windows import CallsWatcher, DistinctWatcher, EgressWatcher, SumWatcher
from authz.core.history import Outcome

Words: TypeAlias = "dict[str, object]"
MOST_AMOUNTS: Final = 100_000


def _calls(watcher: CallsWatcher) -> Words:
    return {"k": "calls", "per": watcher.per, "most": watcher.most}


def _sum(watcher: SumWatcher) -> Words:
    return {"k": "sum", "per": watcher.per}


def _egress(watcher: EgressWatcher) -> Words:
    return {"k": "egress", "per": watcher.per, "records": watcher.records}


def _distinct(watcher: DistinctWatcher) -> Words:
    exact = watcher.share == 1.0
    return {
        "k": "distinct",
        "per": watcher.per,
        "most": watcher.most,
        "below": watcher.below,
        "share": 1 if exact else watcher.share,
    }


def _first(watcher: FirstUseWatcher) -> Words:
    return {"k": "first", "per": watcher.remember, "most": MOST_VALUES}


def _run(watcher: RunWatcher) -> Words:
    return {"k": "run", "per": watcher.idle, "length": watcher.length}


def _repeats(watcher: RepeatsWatcher) -> Words:
    return {"k": "repeats", "per": watcher.per, "most": watcher.most}


def _probes(watcher: ProbesWatcher) -> Words:
    return {
        "k": "probes",
        "per": watcher.per,
        "most": watcher.most,
        "remember": watcher.remember,
        "outcomes": sorted(watcher.outcomes),
    }


def _sequence(watcher: SequenceWatcher) -> Words:
    late = watcher.outcomes is not None
    return {
        "k": "sequence",
        "per": watcher.within,
        "require": watcher.require,
        "late": late,
        "outcomes": sorted(watcher.outcomes or ()),
    }


def _pace(watcher: PaceWatcher) -> Words:
    return {
        "k": "pace",
        "per": watcher.longest,
        "shortest": watcher.shortest,
        "ratio": watcher.ratio,
        "most": watcher.most,
    }


def _concurrency(watcher: ConcurrencyWatcher) -> Words:
    return {"k": "concurrency", "per": watcher.lease, "most": watcher.most}


WORDS: Mapping[type, Callable[[Any], Words]] = MappingProxyType(
    {
        CallsWatcher: _calls,
        ConcurrencyWatcher: _concurrency,
        DistinctWatcher: _distinct,
        EgressWatcher: _egress,
        FirstUseWatcher: _first,
        PaceWatcher: _pace,
        ProbesWatcher: _probes,
        RepeatsWatcher: _repeats,
        RunWatcher: _run,
        SequenceWatcher: _sequence,
        SumWatcher: _sum,
    }
)
"""What the script must know of each kind of rule."""

BY_VALUE: Final = frozenset({RepeatsWatcher, SequenceWatcher})
"""Kinds that keep a key for each value."""


class Spec:
    """One rule and one call, in the script's words."""

    __slots__ = ("asked", "role", "value")

    def __init__(self, role: Role, value: float, asked: Words) -> None:
        self.role = role
        self.value = value
        self.asked = asked

    def name(self, keys: list[str], key: str) -> None:
        """Add the rule's keys to those of the call."""
        kind = type(self.role.watcher)
        keys.append(f"{key}:{int(self.value):x}" if kind in BY_VALUE else key)
        self.asked["i"] = len(keys)
        if kind is ProbesWatcher and self.value:
            keys.append(f"{key}:{int(self.value):x}")
            self.asked["target"] = len(keys)


def spec_of(role: Role, value: float, meta: int, *, judges: bool) -> Spec:
    """One rule about one call. `meta` is the place of its scope's clock among the keys, from 1."""
    words = role.words
    if not words:
        words.update(WORDS[type(role.watcher)](role.watcher), t=role.takes, a=role.always)
        if math.isfinite(role.ceiling):
            words["c"] = role.ceiling
    told = value if value != math.inf else "inf"
    return Spec(role, value, {**words, "m": meta, "j": judges, "v": told})


def ending(rule: Mapping[str, object], outcome: Outcome) -> Words:
    """What the script is told of how a call ended."""
    outcomes = rule.get("outcomes")
    carried = outcome.records if rule.get("records") else outcome.sent
    return {
        **rule,
        "bad": isinstance(outcomes, list) and outcome.outcome in outcomes,
        "ok": outcome.outcome == "ok",
        "add": carried * BILLION,
    }
