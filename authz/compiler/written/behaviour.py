"""`behaviour:` of a persona, layer 4, as written."""

import re
from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from authz.compiler.written.base import AccessName, Closed, DataClass, Duration, OneOrMore, Text

Day: TypeAlias = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of `datetime.weekday`."""
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")


def _clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise ValueError(f"`{text}` is no time of day: write it like `07:00`")
    return text


def _set(value: object) -> object:
    return [value] if isinstance(value, str) else value


DriftName: TypeAlias = Literal["deny", "flag", "suspend", "approve"]
ClockTime: TypeAlias = Annotated[str, AfterValidator(_clock)]
ByName: TypeAlias = Literal["key", "agent", "user", "persona"]
By: TypeAlias = Annotated[
    list[ByName],
    BeforeValidator(_set),
    WithJsonSchema({"anyOf": [{"enum": ["key", "agent", "user", "persona"]}, {"type": "array"}]}),
]
OutcomeName: TypeAlias = Literal["ok", "not_found", "denied", "error"]
Access: TypeAlias = Annotated[
    list[AccessName],
    BeforeValidator(_set),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class Judged(Closed):
    """What every rule may say of itself."""

    on_drift: DriftName | None = Field(
        None,
        description="What leaving the baseline leads to; as `behaviour` says unless given.",
        examples=["flag"],
    )


class Counted(Judged):
    """What every counting rule may say of itself."""

    by: By | None = Field(
        None,
        description="Who shares the count; agent, user and persona unless given.",
        examples=[["agent"]],
    )


class SelectorWritten(Closed):
    """Which calls are meant. All that is given must hold."""

    app: OneOrMore | None = Field(None, description="In these apps.", examples=["tickets"])
    tools: OneOrMore | None = Field(None, description="Tools, by name or pattern.", examples=[["delete_*"]])
    access: Access | None = Field(None, description="With this access.", examples=[["send", "write"]])
    data: list[DataClass] | None = Field(
        None, description="That touch one of these classes.", examples=[["untrusted"]]
    )


class PastWritten(SelectorWritten):
    """Which earlier calls are meant."""

    outcome: Annotated[list[OutcomeName], BeforeValidator(_set)] | None = Field(
        None, description="That ended so.", examples=[["ok"]]
    )


class HoursWritten(Judged):
    """When the job is done. The end is not part of it; an end before the start is on the next day."""

    timezone: Text = Field(description="IANA time zone.", examples=["Europe/Berlin"])
    days: list[Day] = Field(
        default_factory=lambda: list(DAYS),
        description="Days on which the hours begin; all unless given.",
        examples=[["mon", "tue", "wed", "thu", "fri"]],
    )
    from_: ClockTime = Field(alias="from", description="Start.", examples=["07:00"])
    to: ClockTime = Field(description="End.", examples=["20:00"])


class LimitWritten(Counted):
    """A limit over a sliding window: `calls`, or `distinct` with `max`, or `sum` or `egress` with `max`."""

    name: Text | None = Field(None, description="Name, for the record.", examples=["pace"])
    calls: int | None = Field(None, ge=0, description="At most so many calls.", examples=[60])
    distinct: Text | None = Field(
        None,
        description="At most `max` different values of `target` or of an argument (`args.x`).",
        examples=["target"],
    )
    sum: Text | None = Field(
        None,
        description="The absolute values of this argument add up to at most `max`; a call without it is "
        "drift, unless it only reads and the limit is not narrowed.",
        examples=["args.amount"],
    )
    egress: Literal["bytes", "records"] | None = Field(
        None, description="Answers carry at most `max` of these.", examples=["bytes"]
    )
    max: float | None = Field(None, ge=0, description="For `distinct`, `sum` and `egress`.", examples=[200])
    per: Duration = Field(description="The window.", examples=["1m"])
    app: OneOrMore | None = Field(None, description="Only calls in these apps.", examples=["tickets"])
    tools: OneOrMore | None = Field(
        None, description="Only these tools, by name or pattern.", examples=[["search_*"]]
    )
    access: Access | None = Field(None, description="Only calls with this access.", examples=[["write"]])
    data: list[DataClass] | None = Field(
        None, description="Only calls that touch one of these classes.", examples=[["pii"]]
    )


class SessionWritten(Counted):
    """A run of the caller: calls less than `idle` apart."""

    idle: Duration | None = Field(
        None, description="A gap that ends the run; 30m unless given.", examples=["30m"]
    )
    max: Duration | None = Field(None, description="Longest run.", examples=["8h"])
    calls: int | None = Field(None, ge=0, description="Most calls in a run.", examples=[500])


class RepeatsWritten(Counted):
    """The same app, tool and arguments again."""

    max: int = Field(ge=0, description="So many are in scope; the next is drift.", examples=[3])
    per: Duration = Field(description="The window.", examples=["10m"])
    ignore: OneOrMore = Field(
        default_factory=list,
        description="Arguments that change from call to call.",
        examples=[["request_id"]],
    )


class ProbesWritten(Counted):
    """Calls that ended badly: looking for what is not there."""

    outcomes: list[OutcomeName] = Field(description="Which ends are probes.", examples=[["not_found"]])
    max: int = Field(ge=0, description="So many are in scope; the next is drift.", examples=[5])
    per: Duration = Field(description="The window.", examples=["1h"])
    remember: Duration | None = Field(
        None, description="So long a target that was probed is remembered, across sessions.", examples=["7d"]
    )


class SequenceWritten(Counted):
    """What may not follow what (`after`, `deny`), or what must have come first (`before`, `require`)."""

    name: Text | None = Field(
        None, description="Name, for the record.", examples=["no-egress-after-untrusted"]
    )
    after: PastWritten | None = Field(
        None, description="When such a call came before ...", examples=[{"data": ["untrusted"]}]
    )
    deny: SelectorWritten | None = Field(
        None, description="... such a call is drift.", examples=[{"access": ["send", "write"]}]
    )
    before: SelectorWritten | None = Field(
        None, description="Before such a call ...", examples=[{"tools": ["merge"]}]
    )
    require: PastWritten | None = Field(
        None,
        description="... such a call must have come.",
        examples=[{"tools": ["get_diff"], "outcome": "ok"}],
    )
    within: Duration = Field(description="How long before.", examples=["1h"])
    same: Literal["target"] | None = Field(
        None, description="`target`: only calls about the same target belong together.", examples=["target"]
    )


class PaceWritten(Counted):
    """Calls at one steady interval: a machine in a loop."""

    max: int = Field(ge=2, description="So many in a row are in scope; the next is drift.", examples=[20])
    tolerance: float = Field(
        0.05, gt=0, lt=1, description="Share of the interval by which it may differ.", examples=[0.05]
    )
    shortest: Duration = Field(
        timedelta(seconds=1), description="Shorter intervals are one burst.", examples=["1s"]
    )
    longest: Duration = Field(
        timedelta(hours=1), description="A longer interval breaks the row.", examples=["1h"]
    )


class FirstUseWritten(Counted):
    """What was never used before."""

    of: Text = Field("tool", description="`tool`, `target` or an argument (`args.x`).", examples=["tool"])
    remember: Duration = Field(
        timedelta(days=30), description="How long a use is remembered.", examples=["30d"]
    )


class ConcurrencyWritten(Counted):
    """Calls that have not ended."""

    max: int = Field(ge=0, description="So many at once.", examples=[5])
    lease: Duration = Field(
        timedelta(minutes=10), description="After this a call counts as ended.", examples=["10m"]
    )


class BehaviourWritten(Closed):
    """Layer 4: what in-scope looks like."""

    hours: HoursWritten | None = Field(
        None,
        description="When the job is done.",
        examples=[{"timezone": "Europe/Berlin", "days": ["mon", "tue"], "from": "07:00", "to": "20:00"}],
    )
    limits: list[LimitWritten] = Field(
        default_factory=list,
        description="Limits over sliding windows.",
        examples=[[{"name": "pace", "calls": 60, "per": "1m"}]],
    )
    session: SessionWritten | None = Field(
        None, description="How long a run may be.", examples=[{"idle": "30m", "max": "8h", "calls": 500}]
    )
    repeats: RepeatsWritten | None = Field(
        None, description="The same call again.", examples=[{"max": 3, "per": "10m"}]
    )
    probes: ProbesWritten | None = Field(
        None,
        description="Looking for what is not there.",
        examples=[{"outcomes": ["not_found"], "max": 5, "per": "1h", "remember": "7d"}],
    )
    pace: PaceWritten | None = Field(
        None, description="Steady intervals.", examples=[{"max": 20, "on_drift": "flag"}]
    )
    first_use: FirstUseWritten | None = Field(
        None, description="What was never used before.", examples=[{"of": "tool", "on_drift": "flag"}]
    )
    concurrency: ConcurrencyWritten | None = Field(
        None, description="Calls that have not ended.", examples=[{"max": 5}]
    )
    sequences: list[SequenceWritten] = Field(
        default_factory=list,
        description="What may not follow what.",
        examples=[[{"after": {"data": ["untrusted"]}, "within": "1h", "deny": {"access": ["send"]}}]],
    )
    on_drift: DriftName = Field("deny", description="What leaving the baseline leads to.", examples=["deny"])
