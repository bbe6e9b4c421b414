"""What left its baseline, told from records: by agent and persona, since when, with the calls around it.

Takes records in order of time, keeps a bounded part of them, reads no file and no clock.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, TypeAlias

Record: TypeAlias = Mapping[str, object]

AROUND: Final = 3
"""Calls told of before and after the one at which drift began."""
BUCKETS: Final = 60
"""Pieces into which the time of the report is cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One call, as a report tells it."""

    id: str
    at: datetime
    call: str
    """App and tool."""
    target: str | None
    effect: str
    reasons: tuple[str, ...]
    """Codes of layer 4."""
    rules: tuple[str, ...]
    """What the rules said."""

    @property
    def drifts(self) -> bool:
        """Whether layer 4 had something against it."""
        return bool(self.reasons)


@dataclass(slots=True, kw_only=True)
class Drift:
    """What one agent did under one persona."""

    agent: str
    persona: str
    users: set[str] = field(default_factory=set)
    calls: int = 0
    drifted: int = 0
    since: int = 0
    """Calls from the one at which drift began: those that stopping it there would have saved."""
    began: datetime | None = None
    ended: datetime | None = None
    """Last call that drifted."""
    reasons: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    around: list[Told] = field(default_factory=list)
    """The calls around the beginning."""
    all_in: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    """Calls, by piece of the time."""
    drifted_in: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    _last: deque[Told] = field(default_factory=lambda: deque[Told](maxlen=AROUND))

    def add(self, told: Told, bucket: int) -> None:
        """One more call."""
        self.calls += 1
        self.all_in[bucket] += 1
        if told.drifts:
            self.drifted += 1
            self.drifted_in[bucket] += 1
            self.ended = told.at
            self.reasons.update(told.reasons)
            self.rules.update(rule.split("`")[1] for rule in told.rules if rule.count("`") > 1)
            if self.began is None:
                self.began = told.at
                self.around = list(self._last)
        if self.began is not None:
            self.since += 1
            if len(self.around) < 2 * AROUND + 1:
                self.around.append(told)
        else:
            self._last.append(told)


def told_of(record: Record) -> Told | None:
    """What a record tells; None for what is no decision about a proven caller's call."""
    match record:
        case {
            "kind": "decision",
            "id": str(identity),
            "at": str(at),
            "agent": {"id": str()},
            "persona": {"name": str()},
            "action": {"app": app, "tool": tool, "target": target},
            "effect": str(effect),
            "reasons": list(reasons),
        }:
            ours = [
                (str(one.get("code")), str(one.get("detail") or ""))
                for one in reasons
                if isinstance(one, dict) and str(one.get("code")).startswith("behaviour.")
            ]
            return Told(
                id=identity,
                at=datetime.fromisoformat(at),
                call=f"{app or '?'}/{tool or '?'}",
                target=target if isinstance(target, str) else None,
                effect=effect,
                reasons=tuple(code for code, _ in ours),
                rules=tuple(detail for _, detail in ours),
            )
        case _:
            return None


def report(records: Iterable[Record], start: datetime, end: datetime) -> list[Drift]:
    """Who drifted between `start` and `end`, those with most of it first; who did not is left out."""
    piece = max((end - start) / BUCKETS, timedelta(microseconds=1))
    found: dict[tuple[str, str], Drift] = {}
    for record in records:
        told = told_of(record)
        if told is None or not start <= told.at <= end:
            continue
        agent, persona = _name(record, "agent", "id"), _name(record, "persona", "name")
        one = found.setdefault((agent, persona), Drift(agent=agent, persona=persona))
        one.users.add(str(record.get("user")))
        one.add(told, min(BUCKETS - 1, (told.at - start) // piece))
    return sorted((one for one in found.values() if one.drifted), key=lambda one: (-one.drifted, one.agent))


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """One call that drifted, and what the same caller did before."""

    told: Told
    agent: str
    user: str
    persona: str
    counted: Mapping[str, object]
    before: tuple[Told, ...]
    outcomes: Mapping[str, str]
    """How the calls before ended, by id, where it is known."""


def story(records: Iterable[Record], identity: str, most: int = 20) -> Story | None:
    """The story of one decision; None when no record has that id."""
    before: dict[tuple[str, str, str], deque[Told]] = {}
    outcomes: dict[str, str] = {}
    for record in records:
        if record.get("kind") == "outcome":
            outcomes[str(record.get("decision"))] = str(record.get("outcome"))
            continue
        told = told_of(record)
        if told is None:
            continue
        caller = _name(record, "agent", "id"), str(record.get("user")), _name(record, "persona", "name")
        mine = before.setdefault(caller, deque(maxlen=most))
        if told.id == identity:
            counted = record.get("counted")
            known = {one.id: outcomes[one.id] for one in mine if one.id in outcomes}
            return Story(
                told=told,
                agent=caller[0],
                user=caller[1],
                persona=caller[2],
                counted=counted if isinstance(counted, dict) else {},
                before=tuple(mine),
                outcomes=known,
            )
        mine.append(told)
    return None


def _name(record: Record, part: str, name: str) -> str:
    found = record.get(part)
    return str(found.get(name)) if isinstance(found, Mapping) else ""
