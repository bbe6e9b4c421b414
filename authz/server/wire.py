"""Envoy's bytes in, Envoy's bytes out: the one place that knows its check messages.

Sources: `envoy.service.auth.v3`, Envoy 1.40. A `CheckResponse` is made by `check_response` and nowhere else,
because an empty one is an ALLOW to Envoy.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct

from authz.core.decision import Effect, Refusal
from authz.core.reason import Reason
from authz.core.request import Request, Source, Trace
from authz.decode import Rewrite
from authz.identity.certificate import thumbprint_of
from authz.server.pb.base_pb2 import HeaderValue, HeaderValueOption
from authz.server.pb.ext_authz_pb2 import AttributeContext, CheckResponse
from authz.server.pb.seen_pb2 import Check, HttpRequest

Headers = Sequence[tuple[str, str]]

OK = 0
PERMISSION_DENIED = 7

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?", re.DOTALL)
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16


@dataclass(frozen=True, slots=True)
class Forward:
    """Let the request go to the app, with these changes."""

    set_headers: Headers = ()
    remove_headers: Sequence[str] = ()
    response_headers: Headers = ()
    rewrite: Rewrite | None = None
    """What the request has to become on its way to the app, for Envoy's Lua filter; None for no change."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer the agent here; the app never sees the request."""

    status: int
    headers: Headers
    body: bytes


def read_check(message: bytes, metadata: Mapping[str, str]) -> Request:
    """Decode one CheckRequest.

    Raises:
        Refusal: the bytes are no CheckRequest, or carry headers in both forms.
    """
    check = Check()
    try:
        check.ParseFromString(message)
        attributes = check.attributes
        http = attributes.request.http
        headers, repeated = _headers(http)
        context = _context(tuple(attributes.context_extensions))
        source = _source(b"".join(attributes.source))
    except DecodeError:
        raise Refusal(Reason.REQUEST_MALFORMED, "not a CheckRequest") from None
    traceparent = metadata.get("traceparent")
    return Request(
        id=http.id,
        method=http.method,
        path=http.path,
        host=http.host,
        headers=headers,
        repeated=repeated,
        body=http.raw_body or http.body.encode(),
        size=http.size,
        context=context,
        source=source,
        trace=trace_of(traceparent) if traceparent else None,
    )


def _headers(http: HttpRequest) -> tuple[dict[str, str], frozenset[str]]:
    raw = http.header_map.headers
    if not raw:
        return {name.lower(): value for name, value in http.headers.items()}, _NOTHING
    if http.headers:
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "headers came in both forms")
    known = _KNOWN.get
    pairs = [known(one) or _header(one) for one in raw]
    found = dict(pairs)
    if len(found) == len(pairs):
        return found, _NOTHING
    found.clear()
    repeated: set[str] = set()
    for name, value in pairs:
        if name in found:
            repeated.add(name)
            found[name] = f"{found[name]},{value}"
        else:
            found[name] = value
    return found, frozenset(repeated)


_NOTHING: frozenset[str] = frozenset()
_KNOWN: dict[bytes, tuple[str, str]] = {}
"""Headers that came before, by their bytes: most are the same in every call of a client."""
_MOST_KNOWN = 8192
_LONGEST_KNOWN = 256
_NOT_KEPT = frozenset(
    {
        "authorization", "proxy-authorization", "x-agent-access-key", "cookie", "dpop",
        "x-request-id", "traceparent", "tracestate", "mcp-session-id",
    }
)  # fmt: skip
"""Secrets, which are not to stay in memory, and what no other call will have."""


def _header(raw: bytes) -> tuple[str, str]:
    """Name in lower case, and value, of one `HeaderValue`.

    Raises:
        DecodeError: the bytes are none.
    """
    header = HeaderValue.FromString(raw)
    name = header.key.lower()
    value = header.raw_value
    pair = name, value.decode("latin-1") if value else header.value
    if len(raw) <= _LONGEST_KNOWN and name not in _NOT_KEPT:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[raw] = pair
    return pair


@lru_cache(maxsize=4096)
def _context(entries: tuple[bytes, ...]) -> Mapping[str, str]:
    """The route's context, which the operator wrote: there are as many as routes."""
    # A map is a repeated field of its entries (protobuf, "Maps"): spelled as such, and read by the library.
    spelled = b"".join(_field(_CONTEXT_EXTENSIONS, one) for one in entries)
    return MappingProxyType(dict(AttributeContext.FromString(spelled).context_extensions))


_CONTEXT_EXTENSIONS = AttributeContext.CONTEXT_EXTENSIONS_FIELD_NUMBER


@lru_cache(maxsize=4096)
def _source(peer: bytes) -> Source:
    """Where requests come from: the port changes with each connection, and is all that does."""
    found = AttributeContext.Peer.FromString(peer)
    return Source(
        address=found.address.socket_address.address,
        principal=found.principal,
        thumbprint=thumbprint_of(found.certificate),
    )


def trace_of(traceparent: str) -> Trace | None:
    """W3C trace context, level 1; None for anything that is not one."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None or match[1] == _NO_TRACE or match[2] == _NO_SPAN:
        return None
    return Trace(trace_id=match[1], parent=match[2], sampled=bool(int(match[3], 16) & 1))


def check_response(effect: Effect, outgoing: Forward | Reply, decision: str) -> bytes:
    """The answer to Envoy: it reads as OK only for a `Forward` of an effect that passes.

    Raises:
        ValueError: a `Forward` of a denied call. Nothing may be sent for it.
    """
    if isinstance(outgoing, Reply):
        response = CheckResponse()
        response.dynamic_metadata.fields["decision"].string_value = decision
        response.status.code = PERMISSION_DENIED
        denied = response.denied_response
        denied.status.code = outgoing.status  # type: ignore[assignment]  # the enumeration is open (proto3)
        denied.headers.extend(HeaderValueOption.FromString(_spelled(*one)) for one in outgoing.headers)
        denied.body = outgoing.body.decode()
        return response.SerializeToString()
    if not effect.passes:
        message = f"a call that is {effect} cannot be forwarded"
        raise ValueError(message)
    changes = [
        _option(2, name, value) if value == decision else _remembered(2, name, value)
        for name, value in outgoing.set_headers
    ]
    changes += [_removed(name) for name in outgoing.remove_headers]
    changes += [_option(6, name, value) for name, value in outgoing.response_headers]
    return _STATUS_OK + _field(3, b"".join(changes)) + _metadata(decision, outgoing.rewrite)


# What follows spells an allow field by field, because most calls are allowed and little of it changes from
# call to call; a property test holds it against the generated messages.

_STATUS_OK = b"\x0a\x00"
"""`CheckResponse.status`, present and empty: its code is OK."""


def _field(number: int, payload: bytes) -> bytes:
    """One length-delimited field of protobuf's wire format."""
    head, size = bytes([number << 3 | 2]), len(payload)
    while size > 0x7F:  # noqa: PLR2004 - seven bits a byte
        head += bytes([size & 0x7F | 0x80])
        size >>= 7
    return head + bytes([size]) + payload


_OVERWRITE = b"\x18\x02"
"""`HeaderValueOption.append_action`: the default would append to what the client sent."""


def _option(number: int, name: str, value: str) -> bytes:
    """A field with a `HeaderValueOption`, whose value no other call will have."""
    text = value.encode()
    return _until_value(number, name, len(text)) + text + _OVERWRITE


def _spelled(name: str, value: str) -> bytes:
    return _field(1, _field(1, name.encode()) + _field(2, value.encode())) + _OVERWRITE


@lru_cache(maxsize=1024)
def _until_value(number: int, name: str, size: int) -> bytes:
    """What stands before a value of this size: the value is followed by `_OVERWRITE` alone."""
    return _field(number, _spelled(name, "0" * size))[: -size - len(_OVERWRITE)]


@lru_cache(maxsize=16_384)
def _remembered(number: int, name: str, value: str) -> bytes:
    return _field(number, _spelled(name, value))


@lru_cache(maxsize=1024)
def _removed(name: str) -> bytes:
    return _field(5, name.encode())


def _metadata(decision: str, rewrite: Rewrite | None) -> bytes:
    """For later filters of Envoy and for its access log."""
    if rewrite is None:
        text = decision.encode()
        return _until_decision(len(text)) + text
    metadata = Struct()
    metadata.update(
        {
            "decision": decision,
            "rewrite": {
                "app": rewrite.app,
                "body": rewrite.body.decode(),
                "headers": dict(rewrite.headers),
            },
        }
    )
    return _field(4, metadata.SerializeToString())


@lru_cache(maxsize=1024)
def _until_decision(size: int) -> bytes:
    """What stands before an id of this size; nothing stands behind it."""
    spelled = _field(1, _field(1, b"decision") + _field(2, _field(3, bytes(size))))
    return _field(4, spelled)[: len(_field(4, spelled)) - size]
