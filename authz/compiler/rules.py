"""`behaviour:` as compiled: hours, and one rule for each thing that is counted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time, timedelta
from typing import TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from authz.compiler.problem import did_you_mean, shown
from authz.compiler.scope import Scope
from authz.compiler.source import Document
from authz.compiler.written.behaviour import (
    DAYS,
    BehaviourWritten,
    Counted,
    HoursWritten,
    Judged,
    LimitWritten,
    PastWritten,
    SelectorWritten,
    SequenceWritten,
)
from authz.core.app import Access, Place
from authz.core.arguments import steps_of
from authz.core.reason import Reason
from authz.core.rule import (
    ANY,
    Calls,
    Concurrency,
    Distinct,
    Drift,
    Egress,
    FirstUse,
    Hours,
    Pace,
    Probes,
    Repeats,
    Rule,
    Selector,
    Sequence,
    SessionCalls,
    SessionLength,
    Sum,
    Watch,
)

IDLE = timedelta(minutes=30)
"""The gap that ends a run, when none is given."""
WHOLE = frozenset({"agent", "user", "persona"})
HERE = ("behaviour",)
Head: TypeAlias = tuple[str, Reason, Place]
"""Name of a rule, what it says when it objects, and where it stands."""


@dataclass(slots=True)
class RuleCompiler:
    """Compiles one `behaviour:` block."""

    document: Document
    written: BehaviourWritten
    scope: Scope

    def hours(self) -> Hours | None:
        """When the job is done."""
        written = self.written.hours
        if written is None:
            return None
        here = (*HERE, "hours")
        zone = self._zone(written, self.document.at(*here, "timezone"))
        if written.from_ == written.to:
            self.scope.problems.error(self.document.at(*here, "to"), "ends when it begins")
        if zone is None:
            return None
        return Hours(
            zone=zone,
            days=frozenset(DAYS.index(one) for one in written.days),
            start=_time(written.from_),
            end=_time(written.to),
            on_drift=self._drift(written),
            place=self.document.at(*here),
        )

    def _zone(self, written: HoursWritten, place: Place) -> ZoneInfo | None:
        try:
            return ZoneInfo(written.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            near = did_you_mean(written.timezone, available_timezones())
            self.scope.problems.error(place, f"unknown time zone {shown(written.timezone)}{near}")
            return None

    def rules(self) -> tuple[Rule, ...]:
        """All that is counted, in the order in which it is written."""
        found = [
            *self._limits(),
            *self._session(),
            *self._repeats(),
            *self._probes(),
            *self._pace(),
            *self._first_use(),
            *self._concurrency(),
            *self._sequences(),
        ]
        names: set[str] = set()
        for rule in found:
            if rule.name in names:
                self.scope.problems.error(rule.place, f"rule {shown(rule.name)} is there already")
            names.add(rule.name)
        return tuple(found)

    def _drift(self, written: Judged) -> Drift:
        return Drift(written.on_drift or self.written.on_drift)

    def _rule(
        self, head: Head, watch: Watch, maximum: float, written: Counted, selector: Selector = ANY
    ) -> Rule:
        name, reason, place = head
        return Rule(
            name=name,
            reason=reason,
            watch=watch,
            maximum=maximum,
            selector=selector,
            by=frozenset(written.by) if written.by else WHOLE,
            on_drift=self._drift(written),
            place=place,
        )

    def _limits(self) -> Iterable[Rule]:
        for index, written in enumerate(self.written.limits):
            here = (*HERE, "limits", index)
            place = self.document.at(*here)
            kinds = [
                one for one in ("calls", "distinct", "sum", "egress") if getattr(written, one) is not None
            ]
            if len(kinds) != 1:
                self.scope.problems.error(place, "needs one of `calls`, `distinct`, `sum` and `egress`")
                continue
            watch, maximum = self._limit(written, here)
            name = written.name or f"limits[{index}]"
            selector = self._selector(written, here)
            yield self._rule((name, Reason.BEHAVIOUR_LIMIT, place), watch, maximum, written, selector)

    def _limit(self, written: LimitWritten, here: tuple[str | int, ...]) -> tuple[Watch, float]:
        if written.calls is not None:
            if written.max is not None:
                place = self.document.key(*here, "max")
                self.scope.problems.error(place, "`max` is not for `calls`, which is the maximum itself")
            return Calls(per=written.per), written.calls
        if written.max is None:
            self.scope.problems.error(self.document.at(*here), "`max` is missing")
        maximum = written.max if written.max is not None else 0
        if written.egress is not None:
            return Egress(per=written.per, unit=written.egress), maximum
        if written.distinct is not None:
            return Distinct(
                argument=self._argument(written.distinct, (*here, "distinct")), per=written.per
            ), maximum
        path = self._argument(written.sum or "", (*here, "sum"))
        narrowed = (written.app, written.tools, written.access, written.data)
        # Over all calls of the job, those that only read have nothing to add up; what is named must have it.
        lack = all(one is None for one in narrowed)
        return Sum(argument=path, per=written.per, reads_lack=lack), maximum

    def _argument(self, path: str, here: tuple[str | int, ...]) -> str:
        if path == "target" and here[-1] == "distinct":
            return path
        if not path.startswith("args.") or not steps_of(path):
            near = did_you_mean(f"args.{path}", [f"args.{path}"]) if steps_of(path) else ""
            text = f"{shown(path)} names no argument: write `args.` and its path{near}"
            self.scope.problems.error(self.document.at(*here), text)
        return path

    def _session(self) -> Iterable[Rule]:
        written = self.written.session
        if written is None:
            return
        here = (*HERE, "session")
        idle = written.idle or IDLE
        if written.calls is None and written.max is None:
            self.scope.problems.error(self.document.at(*here), "needs `calls` or `max`")
        if written.calls is not None:
            watch: Watch = SessionCalls(idle=idle)
            place = self.document.at(*here, "calls")
            yield self._rule(
                ("session.calls", Reason.BEHAVIOUR_SESSION, place), watch, written.calls, written
            )
        if written.max is not None:
            watch = SessionLength(idle=idle)
            head = ("session.max", Reason.BEHAVIOUR_SESSION, self.document.at(*here, "max"))
            yield self._rule(head, watch, written.max.total_seconds(), written)

    def _repeats(self) -> Iterable[Rule]:
        written = self.written.repeats
        if written is None:
            return
        ignore = frozenset(".".join(steps_of(one)) for one in written.ignore)
        watch = Repeats(per=written.per, ignore=ignore)
        place = self.document.at(*HERE, "repeats")
        yield self._rule(("repeats", Reason.BEHAVIOUR_REPEAT, place), watch, written.max, written)

    def _probes(self) -> Iterable[Rule]:
        written = self.written.probes
        if written is None:
            return
        place = self.document.at(*HERE, "probes")
        if not written.outcomes:
            self.scope.problems.error(place, "`outcomes` names none")
        watch = Probes(outcomes=frozenset(written.outcomes), per=written.per, remember=written.remember)
        yield self._rule(("probes", Reason.BEHAVIOUR_PROBE, place), watch, written.max, written)

    def _pace(self) -> Iterable[Rule]:
        written = self.written.pace
        if written is None:
            return
        place = self.document.at(*HERE, "pace")
        if written.shortest >= written.longest:
            self.scope.problems.error(place, "`shortest` is not below `longest`")
        watch = Pace(longest=written.longest, shortest=written.shortest, tolerance=written.tolerance)
        yield self._rule(("intervals", Reason.BEHAVIOUR_LIMIT, place), watch, written.max, written)

    def _first_use(self) -> Iterable[Rule]:
        written = self.written.first_use
        if written is None:
            return
        here = (*HERE, "first_use")
        if written.of not in ("tool", "target"):
            self._argument(written.of, (*here, "of"))
        watch = FirstUse(argument=written.of, remember=written.remember)
        place = self.document.at(*here)
        yield self._rule(("first_use", Reason.BEHAVIOUR_LIMIT, place), watch, 0, written)

    def _concurrency(self) -> Iterable[Rule]:
        written = self.written.concurrency
        if written is None:
            return
        place = self.document.at(*HERE, "concurrency")
        watch = Concurrency(lease=written.lease)
        yield self._rule(("concurrency", Reason.BEHAVIOUR_LIMIT, place), watch, written.max, written)

    def _sequences(self) -> Iterable[Rule]:
        for index, written in enumerate(self.written.sequences):
            here = (*HERE, "sequences", index)
            place = self.document.at(*here)
            watch = self._sequence(written, here)
            if watch is None:
                text = "needs `after` with `deny`, or `before` with `require`"
                self.scope.problems.error(place, text)
                continue
            name = written.name or f"sequences[{index}]"
            yield self._rule((name, Reason.BEHAVIOUR_SEQUENCE, place), watch, 0, written, watch.then)

    def _sequence(self, written: SequenceWritten, here: tuple[str | int, ...]) -> Sequence | None:
        first, then = written.after, written.deny
        keys = ("after", "deny")
        if written.before is not None or written.require is not None:
            if first is not None or then is not None:
                return None
            first, then = written.require, written.before
            keys = ("require", "before")
        if first is None or then is None:
            return None
        return Sequence(
            after=self._selector(first, (*here, keys[0])),
            then=self._selector(then, (*here, keys[1])),
            within=written.within,
            require=keys[0] == "require",
            same_target=written.same == "target",
        )

    def _selector(self, written: SelectorWritten | LimitWritten, here: tuple[str | int, ...]) -> Selector:
        apps = self._apps(written.app, here)
        outcomes = written.outcome if isinstance(written, PastWritten) else None
        return Selector(
            apps=None if apps is None else frozenset(apps),
            tools=None if written.tools is None else self._tools(written.tools, apps, here),
            access=None if written.access is None else frozenset(Access(one) for one in written.access),
            data=None if written.data is None else tuple(written.data),
            outcomes=None if outcomes is None else frozenset(outcomes),
        )

    def _apps(self, written: list[str] | None, here: tuple[str | int, ...]) -> list[str] | None:
        if written is None:
            return None
        places = [self._place(here, "app", at) for at in range(len(written))]
        return [name for name, place in zip(written, places, strict=True) if self.scope.app(name, place)]

    def _place(self, here: tuple[str | int, ...], key: str, at: int) -> Place:
        return self.document.at(*here, key, at)

    def _tools(
        self, written: list[str], apps: list[str] | None, here: tuple[str | int, ...]
    ) -> frozenset[str]:
        among = [self.scope.apps[name] for name in (self.scope.apps if apps is None else apps)]
        found: set[str] = set()
        for at, name in enumerate(written):
            hits = {tool for app in among for tool in app.names.matching(name)}
            if not hits and name not in self.scope.dropped:
                known = [tool for app in among for tool in app.app.tools]
                text = f"no app has a tool {shown(name)}{did_you_mean(name, known)}"
                self.scope.problems.error(self._place(here, "tools", at), text)
            found |= hits
        return frozenset(found)


def _time(text: str) -> time:
    return time() if text == "24:00" else time.fromisoformat(text)
