"""How a call ended, from what Envoy's access log says about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from authz.audit.digest import safe
from authz.audit.record import instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One access-log entry, reduced to what an outcome needs."""

    decision: str | None
    """Our decision id, from the dynamic metadata of ext_authz; None when the request never got to us."""
    at: datetime
    """When the request began, as Envoy saw it."""
    protocol: str | None = None
    """Of the decision; `grpc` also when the entry has a gRPC status."""
    status: int | None = None
    """HTTP status that the client got."""
    grpc_status: int | None = None
    mcp_error: bool | None = None
    """`isError` of an MCP result; None when there was none."""
    mcp_code: int | None = None
    """JSON-RPC error code of an MCP answer."""
    duration_us: int | None = None
    sent: int | None = None
    """Bytes to the client."""
    received: int | None = None
    """Bytes from the client."""
    upstream: str | None = None
    """Address of the app's host that answered; None when none did."""
    flags: tuple[str, ...] = ()
    """Envoy's response flags by their short names: `UH`, `UF`, `UAEX`."""
    denied: bool = False
    """Whether the authorizer itself answered (response code detail `ext_authz_denied`)."""
    facts: Mapping[str, str] = field(default_factory=dict)
    """Anything else worth keeping: method, host, response code details."""


GRPC_NOT_FOUND = 5
GRPC_DENIED = frozenset({7, 16})
HTTP_NOT_FOUND = frozenset({404, 410})
HTTP_DENIED = frozenset({401, 403})
FIRST_ERROR = 400
MCP_METHOD_NOT_FOUND = -32601
MCP_RESOURCE_NOT_FOUND = -32002


def outcome_of(entry: Entry) -> str:  # noqa: PLR0911 - a ladder, one rung a line
    """`ok`, `not_found`, `denied`, `error`, or `not_forwarded` for an allow that never got to the app."""
    if entry.denied:
        return "denied"  # whatever status it has: an MCP refusal is a 200
    if entry.upstream is None:
        return "not_forwarded"
    if entry.grpc_status is not None and entry.grpc_status != 0:
        if entry.grpc_status == GRPC_NOT_FOUND:
            return "not_found"
        return "denied" if entry.grpc_status in GRPC_DENIED else "error"
    status = entry.status or 0
    if status in HTTP_NOT_FOUND:
        return "not_found"
    if status in HTTP_DENIED:
        return "denied"
    if status == 0 or status >= FIRST_ERROR:
        return "error"
    if entry.mcp_code in {MCP_METHOD_NOT_FOUND, MCP_RESOURCE_NOT_FOUND}:
        return "not_found"
    if entry.mcp_error or entry.mcp_code is not None:
        return "error"
    return "ok"


def outcome_record(entry: Entry, identity: str, seen: datetime) -> dict[str, object]:
    """The record of how a call ended, under an id of its own; `seen` is when the entry got here.

    An entry without a decision is a request that Envoy answered before it asked us: `request.unseen`.
    """
    unseen = entry.decision is None
    return {
        "kind": "outcome",
        "id": identity,
        "at": instant(seen),
        "decision": entry.decision,
        "status": entry.status,
        "outcome": "unseen" if unseen else outcome_of(entry),
        "duration": entry.duration_us / 1_000_000 if entry.duration_us is not None else None,
        "reasons": [{"code": "request.unseen", "detail": "envoy answered it", "place": None}]
        if unseen
        else [],
        "begun": instant(entry.at),
        "grpc_status": entry.grpc_status,
        "mcp": {"is_error": entry.mcp_error, "code": entry.mcp_code},
        "bytes": {"sent": entry.sent, "received": entry.received},
        "upstream": entry.upstream,
        "flags": list(entry.flags),
        "facts": {name: safe(text) for name, text in entry.facts.items()},
    }
