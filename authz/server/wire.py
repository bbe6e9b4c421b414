"""Envoy's bytes in, Envoy's bytes out: the one place that knows its check messages.

Sources: `envoy.service.auth.v3`, Envoy 1.40. A `CheckResponse` is made by `check_response` and nowhere else,
because an empty one is an ALLOW to Envoy.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from authz.core.decision import Effect, Refusal
from authz.core.reason import Reason
from authz.core.request import Request, Source, Trace
from authz.decode import Rewrite
from authz.server.pb.base_pb2 import HeaderValue, HeaderValueOption
from authz.server.pb.ext_authz_pb2 import AttributeContext, CheckRequest, CheckResponse

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
    check = CheckRequest()
    try:
        check.ParseFromString(message)
    except DecodeError:
        raise Refusal(Reason.REQUEST_MALFORMED, "not a CheckRequest") from None
    attributes = check.attributes
    http = attributes.request.http
    headers, repeated = _headers(http)
    return Request(
        id=http.id,
        method=http.method,
        path=http.path,
        host=http.host,
        headers=headers,
        repeated=repeated,
        body=http.raw_body or http.body.encode(),
        size=http.size,
        context=dict(attributes.context_extensions),
        source=Source(
            address=attributes.source.address.socket_address.address, principal=attributes.source.principal
        ),
        trace=trace_of(metadata.get("traceparent", "")),
    )


def _headers(http: AttributeContext.HttpRequest) -> tuple[dict[str, str], frozenset[str]]:
    if not http.header_map.headers:
        return {name.lower(): value for name, value in http.headers.items()}, frozenset()
    if http.headers:
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "headers came in both forms")
    found: dict[str, str] = {}
    repeated: set[str] = set()
    for header in http.header_map.headers:
        name = header.key.lower()
        value = header.raw_value.decode("latin-1") if header.raw_value else header.value
        if name in found:
            repeated.add(name)
            value = f"{found[name]},{value}"
        found[name] = value
    return found, frozenset(repeated)


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
    response = CheckResponse()
    response.dynamic_metadata.fields["decision"].string_value = decision
    if isinstance(outgoing, Reply):
        response.status.code = PERMISSION_DENIED
        denied = response.denied_response
        denied.status.code = outgoing.status  # type: ignore[assignment]  # the enumeration is open (proto3)
        denied.headers.extend(_options(outgoing.headers))
        denied.body = outgoing.body.decode()
        return response.SerializeToString()
    if not effect.passes:
        message = f"a call that is {effect} cannot be forwarded"
        raise ValueError(message)
    response.status.code = OK
    # An empty OkHttpResponse is meant: `SetInParent` makes it present.
    response.ok_response.SetInParent()
    response.ok_response.headers.extend(_options(outgoing.set_headers))
    response.ok_response.headers_to_remove.extend(outgoing.remove_headers)
    response.ok_response.response_headers_to_add.extend(_options(outgoing.response_headers))
    if outgoing.rewrite is not None:
        response.dynamic_metadata.fields["rewrite"].struct_value.update(
            {
                "app": outgoing.rewrite.app,
                "body": outgoing.rewrite.body.decode(),
                "headers": dict(outgoing.rewrite.headers),
            }
        )
    return response.SerializeToString()


def _options(headers: Headers) -> list[HeaderValueOption]:
    return [
        HeaderValueOption(
            header=HeaderValue(key=name, value=value),
            # The default would append to what the client sent under the same name.
            append_action=HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
        )
        for name, value in headers
    ]
