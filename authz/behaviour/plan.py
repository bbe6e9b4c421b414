"""A persona's rules, made ready: one watcher each, grouped by who shares the count. Keeps no state."""

import math
from collections.abc import Callable, Container, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

from authz.behaviour.attempts import PaceWatcher, ProbesWatcher, RepeatsWatcher
from authz.behaviour.flight import ConcurrencyWatcher
from authz.behaviour.order import FirstUseWatcher, SequenceWatcher
from authz.behaviour.runs import RunWatcher
from authz.behaviour.values import Digest
from authz.behaviour.watcher import JUDGES, TAKES, Watcher
from authz.behaviour.windows import CallsWatcher, DistinctWatcher, EgressWatcher, SumWatcher
from authz.core.app import Tool
from authz.core.call import Call, Caller, Kind
from authz.core.decide import within
from authz.core.persona import Mode, Persona
from authz.core.reason import Reason
from authz.core.rule import (
    Calls,
    Concurrency,
    Distinct,
    Drift,
    Egress,
    FirstUse,
    Pace,
    Probes,
    Repeats,
    Rule,
    Sequence,
    SessionCalls,
    SessionLength,
    Sum,
)

AnyWatcher: TypeAlias = Watcher[Any]


class Role(NamedTuple):
    """What a watcher does for calls of one shape: its methods at hand, so that none is looked up per call."""

    watcher: AnyWatcher
    slot: int
    place: int
    """The rule's place in the persona."""
    judges: bool
    takes: bool
    always: bool
    ends: bool
    ceiling: float
    """The maximum of a rule that refuses; infinite for one that only flags."""
    of: Callable[[Call], float | None] | None
    """None for what counts the call itself."""
    figure: Callable[[object, int, float], float]
    take: Callable[[object, int, float], float]
    words: dict[str, object]
    """What a store that judges elsewhere has to say of the rule; empty until it was said once."""


ScopeKey: TypeAlias = "tuple[str, ...]"

SHAPES: Final = 1024
"""Shapes of calls whose roles are remembered; more than a persona has tools."""


WATCHERS: Mapping[type[object], Callable[..., AnyWatcher]] = MappingProxyType(
    {
        Calls: CallsWatcher,
        Concurrency: ConcurrencyWatcher,
        Distinct: DistinctWatcher,
        Egress: EgressWatcher,
        FirstUse: FirstUseWatcher,
        Pace: PaceWatcher,
        Probes: ProbesWatcher,
        Repeats: RepeatsWatcher,
        Sequence: SequenceWatcher,
        SessionCalls: RunWatcher,
        SessionLength: RunWatcher,
        Sum: SumWatcher,
    }
)
"""What watches each kind of rule."""


def watcher(rule: Rule, index: int, digest: Digest) -> AnyWatcher:
    """The watcher of a rule."""
    return WATCHERS[type(rule.watch)](rule, rule.watch, index, digest)


class Group:
    """Rules that are counted for the same callers: they share one ledger of states."""

    __slots__ = ("_by", "_prefix", "_shapes", "_whole", "horizon", "names", "watchers")

    def __init__(self, persona: str, by: frozenset[str], watchers: tuple[AnyWatcher, ...]) -> None:
        self.watchers = watchers
        self.names = tuple(name(one.rule) for one in watchers)
        self.horizon = max(one.horizon for one in watchers)
        # Rules that count across personas meet under their own name, whichever persona they stand in.
        self._prefix = f"persona {persona}" if "persona" in by else f"rule {self.names[0]}"
        self._by = tuple(one for one in ("agent", "user", "key") if one in by)
        self._whole = self._by == ("agent", "user")
        self._shapes: dict[str, tuple[Tool, frozenset[str], tuple[Role, ...]]] = {}

    def key(self, caller: Caller) -> ScopeKey:
        """Whose ledger it is."""
        if self._whole:
            return self._prefix, caller.agent.id, caller.user
        by = {"agent": caller.agent.id, "user": caller.user, "key": caller.key or ""}
        return self._prefix, *(f"{one} {by[one]}" for one in self._by)

    def roles(self, call: Call) -> tuple[Role, ...]:
        """What each watcher does for a call of this shape; only a defined tool's shape is worth keeping."""
        action = call.action
        if action.tool is None or action.kind is not Kind.TOOL:
            return tuple(self._roles(call))
        found = self._shapes.get(action.name)
        if found is None or found[0] is not action.tool or found[1] != call.classes:
            if len(self._shapes) >= SHAPES:
                self._shapes.clear()
            found = self._shapes[action.name] = action.tool, call.classes, tuple(self._roles(call))
        return found[2]

    def _roles(self, call: Call) -> Iterator[Role]:
        for slot, one in enumerate(self.watchers):
            role = one.role(call)
            if role:
                yield Role(
                    watcher=one,
                    slot=slot,
                    place=one.index,
                    judges=bool(role & JUDGES),
                    takes=bool(role & TAKES),
                    always=one.always,
                    ends=one.ends,
                    ceiling=one.maximum if one.blocks else math.inf,
                    of=None if type(one).of is Watcher.of else one.of,
                    figure=one.figure,
                    take=one.take,
                    words={},
                )


def name(rule: Rule) -> str:
    """What a rule's state is kept under: survives another maximum or effect, not another thing counted."""
    if "persona" in rule.by:
        return f"{rule.name} {type(rule.watch).__name__}"
    return f"{rule.name} {sorted(rule.by)} {rule.watch!r}"


class Plan:
    """All rules of a persona, by group."""

    __slots__ = ("groups", "none", "persona", "shadow", "watchers")

    def __init__(self, persona: Persona, digest: Digest) -> None:
        self.persona = persona
        self.shadow = persona.mode is Mode.SHADOW
        self.watchers = tuple(watcher(rule, index, digest) for index, rule in enumerate(persona.rules))
        self.none: list[float | None] = [None] * len(self.watchers)
        """Nothing for each rule, to be copied."""
        sharing: dict[tuple[frozenset[str], str], list[AnyWatcher]] = {}
        for one in self.watchers:
            rule = one.rule
            alone = "" if "persona" in rule.by else name(rule)
            sharing.setdefault((rule.by, alone), []).append(one)
        self.groups = tuple(Group(persona.name, by, tuple(those)) for (by, _), those in sharing.items())

    def open(self, call: Call, waived: Container[str]) -> bool:
        """Whether `hours` let the call pass; what is only flagged, waived, or in shadow, passes."""
        hours = self.persona.hours
        if hours is None or self.shadow or hours.on_drift is Drift.FLAG:
            return True
        return Reason.BEHAVIOUR_HOURS.value in waived or within(hours, call)
