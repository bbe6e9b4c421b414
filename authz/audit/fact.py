"""What happened: everything that a forensic record is made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from authz.core.call import Call, Caller
from authz.core.decision import Decision
from authz.core.history import EMPTY, History
from authz.core.persona import Persona
from authz.core.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One decision and all that is known about it."""

    id: str
    """The decision's id: unique, sorts by time."""
    at: datetime
    """When the request arrived; aware, UTC."""
    request: Request
    decision: Decision
    latency_us: int
    """From the arrival of the request to its decision."""
    protocol: str | None = None
    """`mcp`, `rest`, `grpc` or `unknown`; the call's own protocol comes first."""
    caller: Caller | None = None
    call: Call | None = None
    app: str | None = None
    """Name of the app where there is no call."""
    action: str | None = None
    """Name of the action where there is no call."""
    method: str | None = None
    """The protocol's method where there is no call."""
    session: str | None = None
    """Protocol session where there is no call."""
    persona: Persona | None = None
    history: History = EMPTY
    """What the counting rules of `persona` found."""
    span_id: str | None = None
    """16 hex digits; derived from the id when the caller has none of its own."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """What the client said about itself; nothing was decided by it."""
    notes: tuple[str, ...] = ()
    """What was odd about the request and did not decide it."""
