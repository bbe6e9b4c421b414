"""Facts to record: the canonical agent, its user, and one call of each kind."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from authz.audit import Digester, Fact, decision_record
from authz.core.app import Access, Place, Tool
from authz.core.call import Action, Agent, Call, Caller
from authz.core.decision import Allow, Decision, Deny, Objection
from authz.core.persona import Grant, Persona
from authz.core.reason import Reason
from authz.core.request import Request, Source, Trace

AT = datetime(2026, 5, 4, 9, 30, 0, 123456, tzinfo=UTC)
DIGESTER = Digester(b"k" * 32)
TOOL = Tool(app="billing", name="adjust_balance", access=Access.WRITE, target="account")
CALLER = Caller(
    agent=Agent(id="support-summarizer", model="claude-4", version="1.4.2", deployment="prod-eu"),
    user="alice@example.com",
    persona="support-summarizer",
    key="K1",
)
CALL = Call(
    at=AT,
    caller=CALLER,
    action=Action(
        protocol="mcp",
        app="billing",
        name="adjust_balance",
        method="tools/call",
        tool=TOOL,
        args={"account": "ACC-12345", "amount": 120, "note": {"text": "quarterly correction"}},
        target="ACC-12345",
    ),
    classes=frozenset({"financial", "internal"}),
    session="s-1",
)
PERSONA = Persona(name="support-summarizer", version="3", digest="sha256:" + "a" * 64)
GRANT = Grant(id="tools[0]", app="billing", place=Place("support.yaml", 20, 5))
REQUEST = Request(
    id="req-1",
    method="POST",
    host="billing.internal",
    trace=Trace(trace_id="0af7651916cd43dd8448eb211c80319c", parent="b7ad6b7169203331"),
    source=Source(address="10.1.2.3", principal="spiffe://example.org/agents/support"),
)
ALLOW = Allow(GRANT)
NOT_GRANTED = Objection(
    Reason.TOOL_NOT_GRANTED, "`adjust_balance` of `billing` is not granted", Place("support.yaml", 3, 1)
)
DENY = Deny((NOT_GRANTED,), judged=True)
NO_KEY = Deny((Objection(Reason.CREDENTIAL_MISSING, "no key was presented"),))


def fact(number: int = 1, decision: Decision = ALLOW) -> Fact:
    """The call as decided; each number is a moment and an id of its own."""
    return Fact(
        id=f"{number:012d}",
        at=AT + timedelta(milliseconds=number),
        request=REQUEST,
        decision=decision,
        latency_us=250,
        caller=CALLER,
        call=replace(CALL, at=AT + timedelta(milliseconds=number)),
        persona=PERSONA,
    )


def stranger(number: int = 1, address: str = "203.0.113.9", at: datetime | None = None) -> Fact:
    """A refusal before anyone was proven."""
    return Fact(
        id=f"x{number:011d}",
        at=at or AT + timedelta(milliseconds=number),
        request=replace(REQUEST, source=Source(address=address)),
        decision=NO_KEY,
        latency_us=12,
        protocol="rest",
        app="billing",
        method="GET /v1/accounts",
    )


def record(number: int = 1, decision: Decision = ALLOW) -> dict[str, object]:
    """The record of `fact`."""
    return decision_record(fact(number, decision), DIGESTER)


def stranger_record(
    number: int = 1, address: str = "203.0.113.9", at: datetime | None = None
) -> dict[str, object]:
    """The record of `stranger`."""
    return decision_record(stranger(number, address, at), DIGESTER)
