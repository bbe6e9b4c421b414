"""Layer 4 as compiled: rules that turn what a caller did into one figure each, and the figure's maximum."""

from dataclasses import dataclass
from datetime import time, timedelta, tzinfo
from enum import StrEnum
from typing import TypeAlias

from authz.core.app import NOWHERE, Access, Place
from authz.core.call import Call
from authz.core.labels import covered
from authz.core.reason import Reason


class Drift(StrEnum):
    """What leaving the declared baseline leads to."""

    DENY = "deny"
    FLAG = "flag"
    SUSPEND = "suspend"
    APPROVE = "approve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Which calls a rule is about. None means any; what is given must hold together."""

    apps: frozenset[str] | None = None
    tools: frozenset[str] | None = None
    """Names, globs already expanded."""
    access: frozenset[Access] | None = None
    data: tuple[str, ...] | None = None
    """Classes; `pii` covers `pii.contact`. One that the call touches is enough."""
    outcomes: frozenset[str] | None = None
    """Only for what happened before: `ok`, `not_found`, `denied`, `error`."""

    def matches(self, call: Call) -> bool:
        """Whether this call is of those meant (its outcome is not known yet)."""
        action = call.action
        tool = action.tool
        if self.apps is not None and action.app not in self.apps:
            return False
        if self.tools is not None and action.name not in self.tools:
            return False
        if self.access is not None and (tool is None or tool.access not in self.access):
            return False
        return self.data is None or any(covered(one, self.data) for one in call.classes)


ANY = Selector()


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Calls let through within `per`."""

    per: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Distinct:
    """Different values of `argument` (`target`, or a dotted path `args.x`) let through within `per`."""

    argument: str
    per: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Sum of the absolute values of `argument` let through within `per`; no finite number is infinite."""

    argument: str
    per: timedelta
    reads_lack: bool = False
    """Whether calls that read may lack the argument. So for a rule over all calls: reading spends nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionCalls:
    """Calls let through in the present run of the caller: calls less than `idle` apart."""

    idle: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLength:
    """Seconds since the present run of the caller began: calls less than `idle` apart."""

    idle: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeats:
    """Same app, tool and arguments (without those in `ignore`) within `per`, let through or not."""

    per: timedelta
    ignore: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Probes:
    """Calls that ended in one of `outcomes` within `per`, and calls to a target remembered for one.

    The figure is the greater of two counts: all probes within `per`, and those of this target while it is
    remembered. An `ok` makes a target forgotten.
    """

    outcomes: frozenset[str]
    per: timedelta
    remember: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """1 when the call is one of `then` and `after` came before it within `within`, else 0.

    With `require` the other way round: 1 when `after` did not come before it.
    """

    after: Selector
    then: Selector
    within: timedelta
    require: bool = False
    same_target: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Calls in a row whose intervals all lie within `tolerance` of one period, let through or not."""

    longest: timedelta = timedelta(hours=1)
    """An interval above this breaks the row."""
    shortest: timedelta = timedelta(seconds=1)
    """An interval below this is part of one burst and not looked at."""
    tolerance: float = 0.05
    """Share of the period: 0.05 is five per cent either way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Egress:
    """What the answers of calls carried out within `per`: known only when they have ended."""

    per: timedelta
    unit: str = "bytes"
    """`bytes` or `records`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstUse:
    """1 when `argument` has a value that was not let through within `remember`, else 0."""

    argument: str = "tool"
    """`tool`, `target`, or a dotted path `args.x`."""
    remember: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Concurrency:
    """Calls let through that have not ended; one that never reports its end counts until `lease` is over."""

    lease: timedelta = timedelta(minutes=10)


Watch: TypeAlias = (
    Calls
    | Distinct
    | Sum
    | SessionCalls
    | SessionLength
    | Repeats
    | Probes
    | Sequence
    | Pace
    | Egress
    | FirstUse
    | Concurrency
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One counting rule: it objects when its figure, this call included, is above `maximum`."""

    name: str
    reason: Reason
    watch: Watch
    maximum: float
    selector: Selector = ANY
    by: frozenset[str] = frozenset({"agent", "user", "persona"})
    """Who shares the count: any of `key`, `agent`, `user`, `persona`.

    Without `persona`, rules of the same name and shape count together in all personas that have them.
    """
    on_drift: Drift = Drift.DENY
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When the job is done. The end is not part of it; an end before the start is on the next day."""

    zone: tzinfo
    days: frozenset[int]
    """Monday is 0: the day on which the hours begin."""
    start: time
    end: time
    on_drift: Drift = Drift.DENY
    place: Place = NOWHERE
