"""How fast, how often and when calls came, measured by the very rules that will limit them."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from authz.core.app import Access
from authz.core.call import Call
from authz.core.history import Outcome
from authz.core.persona import Persona
from authz.core.reason import Reason
from authz.core.rule import (
    Calls,
    Distinct,
    Drift,
    Probes,
    Repeats,
    Rule,
    Selector,
    SessionCalls,
    SessionLength,
    Watch,
)
from authz.stores.histories_memory import MemoryHistories

MANY: Final = 1_000_000
"""No log comes near it; what is measured is exact below."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
IDLE = timedelta(minutes=30)
_DAYS_FOR_HOURS: Final = 3
_DAYS_FOR_WEEK: Final = 14
_LONGEST_DAY: Final = 16
"""Hours; a job that is done around the clock has none."""


def _rule(name: str, watch: Watch, selector: Selector | None = None) -> Rule:
    return Rule(
        name=name,
        reason=Reason.BEHAVIOUR_LIMIT,
        watch=watch,
        maximum=MANY,
        selector=selector or Selector(),
        on_drift=Drift.FLAG,
    )


_MEASURES: Final = (
    _rule("pace", Calls(per=MINUTE)),
    *(
        _rule(access.value, Calls(per=HOUR), Selector(access=frozenset({access})))
        for access in Access
        if access is not Access.READ
    ),
    _rule("breadth", Distinct(argument="target", per=DAY)),
    _rule("session.calls", SessionCalls(idle=IDLE)),
    _rule("session.max", SessionLength(idle=IDLE)),
    _rule("repeats", Repeats(per=timedelta(minutes=10))),
    _rule("probes", Probes(outcomes=frozenset({"not_found"}), per=HOUR)),
)


@dataclass(slots=True)
class Rates:
    """The greatest figure that each measure reached, and the hours of the week."""

    highest: dict[str, float] = field(default_factory=dict)
    counted: Counter[str] = field(default_factory=Counter)
    """Calls that a measure was about."""
    first: datetime | None = None
    last: datetime | None = None
    timed: int = 0
    hours: Counter[int] = field(default_factory=Counter)
    days: Counter[int] = field(default_factory=Counter)
    dates: set[int] = field(default_factory=set)
    zone: str = ""
    """Time zone of hours and days."""
    outcomes: bool = False
    """Whether the log tells how calls ended."""
    _histories: MemoryHistories = field(default_factory=MemoryHistories)
    _serial: int = 0

    def add(self, call: Call, outcome: str | None, zone: ZoneInfo, measured: Persona) -> None:
        """One more call that was made."""
        self._serial += 1
        identity = f"{self._serial}"
        history = self._histories.observe(call, measured, passes=True, decision=identity)
        for rule, figure in zip(measured.rules, history.figures, strict=False):
            if figure is not None:
                self.counted[rule.name] += 1
                self.highest[rule.name] = max(figure, self.highest.get(rule.name, 0))
        self.outcomes = self.outcomes or outcome is not None
        self._histories.outcome(Outcome(decision=identity, at=call.at, outcome=outcome or "unknown"))
        if outcome == "not_found":
            self.highest["probes"] = max(self.highest.get("probes", 0), 1)
        self.zone = zone.key
        local = call.at.astimezone(zone)
        self.timed += 1
        self.hours[local.hour] += 1
        self.days[local.weekday()] += 1
        self.dates.add(local.toordinal())
        self.first = call.at if self.first is None else min(self.first, call.at)
        self.last = call.at if self.last is None else max(self.last, call.at)

    def window(self) -> tuple[int, int] | None:
        """First and last hour of the day, an hour to spare on either side; None where that says nothing."""
        if len(self.dates) < _DAYS_FOR_HOURS or not self.hours:
            return None
        used = sorted(self.hours)
        after = used[1:] + used[:1]
        gaps = [((later - one) % 24 or 24, later) for one, later in zip(used, after, strict=True)]
        silence, begin = max(gaps)
        length = 25 - silence
        if length + 2 > _LONGEST_DAY:
            return None
        return (begin - 1) % 24, (begin + length + 1) % 24

    def weekdays(self) -> list[int] | None:
        """The days of the week, where the log is long enough to tell."""
        if self.first is None or self.last is None or (self.last - self.first).days < _DAYS_FOR_WEEK:
            return None
        return sorted(self.days) if len(self.days) < 7 else None  # noqa: PLR2004 - days of a week


def measured(persona: Persona) -> Persona:
    """The persona with the measures for rules."""
    return replace(persona, rules=_MEASURES)
