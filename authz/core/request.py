"""What Envoy told us of one HTTP request, before anything in it is believed."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where a request came from, as Envoy saw it; nothing here is the client's own word."""

    address: str = ""
    """IP address of the direct or trusted downstream peer; empty when unknown."""
    principal: str = ""
    """Peer identity that mTLS proved: first URI SAN, else DNS SAN, else subject. Empty without mTLS."""
    thumbprint: str = ""
    """SHA-256 of the peer's certificate (DER) as unpadded base64url (`x5t#S256`); empty when unknown."""


UNKNOWN_SOURCE = Source()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """W3C trace context of the decision: its own span will be a child of `parent`."""

    trace_id: str
    """32 lower-case hex digits."""
    parent: str
    """16 lower-case hex digits: Envoy's span for this check."""
    sampled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request as the app would get it (Envoy `AttributeContext`)."""

    id: str = ""
    """Envoy's `x-request-id`; the client may have chosen it."""
    method: str = ""
    """HTTP method, as sent."""
    path: str = ""
    """Request target with query, after Envoy's normalisation, normalised no further."""
    host: str = ""
    """`:authority` or Host; the client's word."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Lower-case names. Values are latin-1 text; those of a repeated name are joined with `,`."""
    repeated: frozenset[str] = frozenset()
    """Names that came more than once."""
    body: bytes = b""
    """What Envoy buffered of the body: maybe not all of it, see `size`."""
    size: int = -1
    """Bytes of body that Envoy says it received so far; -1 when it does not say."""
    context: Mapping[str, str] = field(default_factory=dict)
    """The route's `context_extensions`: the operator's word."""
    source: Source = UNKNOWN_SOURCE
    trace: Trace | None = None
    """From the gRPC metadata of the check (Envoy's own), never from the client's headers."""
