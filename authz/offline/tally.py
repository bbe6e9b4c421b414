"""What a replay found, in figures of bounded size: nothing here grows with the length of the log."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from authz.core.decision import Objection
from authz.core.reason import LAYER_OF
from authz.offline.judging import Verdict, Word

MOST_NAMES: Final = 1000
"""Agents, tools and the like that are told apart; the rest are counted together."""
MOST_FINDINGS: Final = 500
REST: Final = "(others)"
SLOTS: Final = 60
_EPOCH = datetime.fromtimestamp(0, UTC)

ALLOWED, FLAGGED, DENIED, UNDECIDED = "allowed", "flagged", "denied", "undecided"
ENDS: Final = (ALLOWED, FLAGGED, DENIED, UNDECIDED)
"""What a call can come to; each call is one of these."""
Key: TypeAlias = tuple[str, str, str, str]
"""Agent, what was called, code, and what became of it."""


def end_of(verdict: Verdict) -> str:
    """What the call came to."""
    if verdict.word is Word.DENY:
        return DENIED
    if verdict.word is Word.UNDECIDED:
        return UNDECIDED
    return FLAGGED if verdict.flags else ALLOWED


def codes(objections: Iterable[Objection]) -> tuple[str, ...]:
    """The reason codes, each once, in their order."""
    return tuple(dict.fromkeys(one.reason.value for one in objections))


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One call, as a report shows it."""

    index: int
    at: datetime | None
    agent: str
    user: str
    persona: str
    called: str
    detail: str
    place: str


@dataclass(slots=True)
class Finding:
    """Calls of one agent that came to the same end for the same reason."""

    first: Example
    calls: int = 1


class Timeline:
    """Counts by time, in at most `2 * SLOTS` slots; they are made wider as the log goes on."""

    def __init__(self) -> None:
        self.width = timedelta(seconds=1)
        self.slots: dict[int, Counter[str]] = {}

    def add(self, at: datetime, end: str) -> None:
        """One call."""
        slot = (at - _EPOCH) // self.width
        found = self.slots.get(slot)
        if found is None:
            found = self.slots[slot] = Counter()
            found[end] += 1
            while len(self.slots) > 1 and max(self.slots) - min(self.slots) >= 2 * SLOTS:
                self._widen()
        else:
            found[end] += 1

    def _widen(self) -> None:
        self.width *= 2
        wider: dict[int, Counter[str]] = {}
        for slot, counts in self.slots.items():
            wider.setdefault(slot // 2, Counter()).update(counts)
        self.slots = wider

    def rows(self) -> list[tuple[datetime, Counter[str]]]:
        """The slots from the first to the last, empty ones included."""
        if not self.slots:
            return []
        low, high = min(self.slots), max(self.slots)
        return [(_EPOCH + self.width * one, self.slots.get(one, Counter())) for one in range(low, high + 1)]


@dataclass(slots=True)
class Tally:
    """What became of all calls."""

    ends: Counter[str] = field(default_factory=Counter)
    by_reason: Counter[str] = field(default_factory=Counter)
    """Denied calls, by code; one call may have several."""
    flagged_for: Counter[str] = field(default_factory=Counter)
    by_layer: Counter[str] = field(default_factory=Counter)
    by_agent: dict[str, Counter[str]] = field(default_factory=dict)
    by_persona: dict[str, Counter[str]] = field(default_factory=dict)
    denied_tools: Counter[str] = field(default_factory=Counter)
    lacking: Counter[str] = field(default_factory=Counter)
    """Undecided calls, by what the log would have to hold."""
    first: dict[str, Example] = field(default_factory=dict)
    """By reason code, the first call that it refused."""
    findings: dict[Key, Finding] = field(default_factory=dict)
    timeline: Timeline = field(default_factory=Timeline)
    shadowed: int = 0
    assumed: int = 0
    """Calls whose agent or user the log does not name."""

    @property
    def calls(self) -> int:
        """All of them."""
        return self.ends.total()

    @property
    def allowed(self) -> int:
        """With those that are flagged."""
        return self.ends[ALLOWED] + self.ends[FLAGGED]

    def add(self, index: int, verdict: Verdict) -> None:
        """One more call."""
        end = end_of(verdict)
        self.ends[end] += 1
        self.assumed += verdict.assumed
        _named(self.by_agent, verdict.agent or "unknown")[end] += 1
        _named(self.by_persona, verdict.persona or "unknown")[end] += 1
        if verdict.told.at is not None:
            self.timeline.add(verdict.told.at, end)
        if end is not ALLOWED:
            self._notable(index, verdict, end)

    def _notable(self, index: int, verdict: Verdict, end: str) -> None:
        self.shadowed += verdict.shadowed
        if verdict.word is Word.DENY:
            found = codes(verdict.reasons)
            self.by_reason.update(found)
            self.by_layer.update({layer.value for one in verdict.reasons if (layer := LAYER_OF[one.reason])})
            called = called_of(verdict)
            if called in self.denied_tools or len(self.denied_tools) < MOST_NAMES:
                self.denied_tools[called] += 1
            else:
                self.denied_tools[REST] += 1
            for code, objection in zip(found, _firsts(verdict.reasons), strict=True):
                if code not in self.first:
                    self.first[code] = _example(index, verdict, objection.detail, str(objection.place))
        else:
            self.flagged_for.update(codes(verdict.flags))
        if end == UNDECIDED:
            self.lacking.update(one for one in verdict.lacking if len(self.lacking) < MOST_NAMES)
        self._find(index, verdict, end)

    def _find(self, index: int, verdict: Verdict, end: str) -> None:
        objections = verdict.reasons or verdict.flags
        code = objections[0].reason.value if objections else verdict.lacking[0]
        key = verdict.agent, called_of(verdict), code, end
        known = self.findings.get(key)
        if known is not None:
            known.calls += 1
        elif len(self.findings) < MOST_FINDINGS:
            one = objections[0] if objections else None
            detail = one.detail if one is not None else f"the log does not say {verdict.lacking[0]}"
            self.findings[key] = Finding(_example(index, verdict, detail, str(one.place) if one else ""))


def called_of(verdict: Verdict) -> str:
    """App and tool."""
    return f"{verdict.told.app or '?'}/{verdict.told.tool or '?'}"


def _firsts(objections: Iterable[Objection]) -> list[Objection]:
    """The first objection of each code."""
    found: dict[str, Objection] = {}
    for one in objections:
        found.setdefault(one.reason.value, one)
    return list(found.values())


def _named(counts: dict[str, Counter[str]], name: str) -> Counter[str]:
    found = counts.get(name)
    if found is None:
        name = name if len(counts) < MOST_NAMES else REST
        found = counts.setdefault(name, Counter())
    return found


def _example(index: int, verdict: Verdict, detail: str, place: str) -> Example:
    return Example(
        index=index,
        at=verdict.told.at,
        agent=verdict.agent or "unknown",
        user=verdict.user or "unknown",
        persona=verdict.persona or "unknown",
        called=called_of(verdict),
        detail=detail,
        place=place,
    )


def by_size(counts: Mapping[str, Counter[str]]) -> list[tuple[str, Counter[str]]]:
    """The largest first."""
    return sorted(counts.items(), key=lambda pair: (-pair[1].total(), pair[0]))
