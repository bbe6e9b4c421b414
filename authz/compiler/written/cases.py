"""Cases: a call and what must become of it. Inside a persona (`tests:`) or in `*.cases.yaml`."""

from datetime import datetime, timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, JsonValue, WithJsonSchema

from authz.compiler.written.base import Closed, Duration, Header, LooseMetadata, PersonaName, Text


def _instant(value: object) -> object:
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError(f"`{value}` is no instant: write it like `2026-03-02T10:00:00Z`")


def _aware(value: datetime) -> datetime:
    if not 1970 <= value.year <= 9000:  # noqa: PLR2004 - far from where a change of offset overflows
        raise ValueError(f"`{value.isoformat()}` is no instant of our time")
    if value.tzinfo is None:
        raise ValueError(f"`{value.isoformat()}` has no offset: end it with `Z` or `+01:00`")
    return value


Instant: TypeAlias = Annotated[
    datetime,
    BeforeValidator(_instant),
    AfterValidator(_aware),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class AgentNamed(Closed):
    """The agent that calls."""

    id: Text = Field(description="Which agent.", examples=["support-summarizer"])
    model: str | None = Field(None, description="Its model.", examples=["claude-sonnet-5"])
    version: str | None = Field(None, description="Its version (PEP 440).", examples=["1.4.2"])
    deployment: str | None = Field(None, description="Where it runs.", examples=["prod-eu"])
    workload: str | None = Field(
        None,
        description="The SPIFFE id that was proven; null for none. Left out, as the persona asks.",
        examples=["spiffe://example.org/ns/agents/sa/support-summarizer"],
    )


class CallLine(Closed):
    """One call as a line of the call log."""

    at: Instant | None = Field(None, description="When.", examples=["2026-03-02T10:00:00Z"])
    agent: AgentNamed | Text | None = Field(
        None,
        description="Which agent; none: one that the persona admits.",
        examples=[{"id": "support-summarizer", "model": "claude-sonnet-5", "version": "1.4.2"}],
    )
    user: Text | None = Field(
        None,
        description="On whose behalf; none: one that the persona admits and that is entitled.",
        examples=["alice@example.com"],
    )
    persona: PersonaName | None = Field(None, description="Which persona.", examples=["support-summarizer"])
    session: str | None = Field(None, description="Session of the protocol.", examples=["s-1"])
    app: Text | None = Field(None, description="Which app.", examples=["tickets"])
    tool: Text = Field(description="Which tool.", examples=["search_tickets"])
    args: dict[str, JsonValue] | None = Field(
        default_factory=dict, description="Its arguments.", examples=[{"query": "refund"}]
    )
    outcome: Literal["ok", "not_found", "denied", "error"] | None = Field(
        None, description="How it ended, in a log.", examples=["ok"]
    )


class Earlier(CallLine):
    """A call that came before, carried out as the persona lets it."""

    ago: Duration = Field(
        timedelta(seconds=1),
        validate_default=False,
        description="How long before the call of the case.",
        examples=["5m"],
    )
    times: int = Field(1, ge=1, le=100_000, description="How often.", examples=[60])


class Case(Closed):
    """A call and what must become of it."""

    name: Text = Field(description="What must hold.", examples=["cannot adjust a balance"])
    persona: PersonaName | None = Field(
        None, description="In `*.cases.yaml`: which persona.", examples=["support-summarizer"]
    )
    call: CallLine = Field(
        description="The call, as a line of the call log.",
        examples=[{"app": "billing", "tool": "adjust_balance", "args": {"account": "A-1", "amount": 120}}],
    )
    history: list[Earlier] = Field(
        default_factory=list,
        description="Calls that came before, in their order; by the same agent and user unless they say so.",
        examples=[[{"app": "tickets", "tool": "search_tickets", "ago": "30s", "times": 60}]],
    )
    expect: Literal["allow", "deny", "flag", "shadow"] = Field(
        description="What must become of it; `flag` is an allow with drift, `shadow` a deny let through.",
        examples=["deny"],
    )
    reasons: list[Text] = Field(
        default_factory=list,
        description="Reason codes that must be among those given.",
        examples=[["tool.not-granted"]],
    )


class CasesDocument(Header):
    """Cases beside the definitions, in `*.cases.yaml`."""

    kind: Literal["Cases"] = Field(description="What the document defines.", examples=["Cases"])
    metadata: LooseMetadata = Field(
        default_factory=lambda: LooseMetadata.model_validate({}),
        description="Who keeps the cases.",
        examples=[{"owner": "secops@example.com"}],
    )
    persona: PersonaName | None = Field(
        None, description="The persona of all cases that name none.", examples=["support-summarizer"]
    )
    tests: list[Case] = Field(
        description="The cases.",
        examples=[
            [{"name": "reads", "call": {"app": "tickets", "tool": "search_tickets"}, "expect": "allow"}]
        ],
    )
