"""The HTTP around a message: refused where it could make the app read something else than was judged.

Knows no protocol. What it lets pass says nothing yet about the message itself.
"""

import functools
import re
from collections.abc import Mapping
from typing import NamedTuple

from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import Request

# Headers by which an app, or a framework in it, may take another method or path than the one judged.
_OVERRIDES = frozenset(
    {
        "x-http-method-override",
        "x-http-method",
        "x-method-override",
        "x-original-url",
        "x-original-uri",
        "x-rewrite-url",
        "x-envoy-original-path",
    }
)
# First-copy and last-copy readers must not differ in any of these.
_SINGLE = frozenset(
    {
        ":authority",
        ":method",
        ":path",
        "host",
        "authorization",
        "x-agent-access-key",
        "content-type",
        "content-length",
        "content-encoding",
        "transfer-encoding",
        "origin",
        "last-event-id",
        "mcp-protocol-version",
        "mcp-method",
        "mcp-name",
        "mcp-session-id",
        "x-envoy-auth-partial-body",
    }
)
# Envoy joins what came twice with a comma when it sends `headers`; none of these holds one by itself.
_NO_COMMA = (
    "host",
    "x-agent-access-key",
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "mcp-protocol-version",
    "mcp-method",
    "mcp-session-id",
)
_HOP_BY_HOP = frozenset({"close", "keep-alive", "upgrade", "te"})
_OURS = "x-persona-"
_DIGITS = re.compile(r"[0-9]{1,18}")


def inspect(request: Request) -> tuple[str, ...]:
    """What is to be noted of the headers.

    Raises:
        Refusal: When headers or body could be read in two ways, or not all of the body was shown.
    """
    headers = request.headers
    sent = _sent(tuple(headers))
    if sent.override:
        raise Refusal(Reason.REQUEST_UNSUPPORTED, f"header `{sent.override}` would change what was judged")
    _refuse_repeated(request, sent.no_comma)
    connection = headers.get("connection")
    if connection is not None and not _HOP_BY_HOP.issuperset(
        token.strip() for token in connection.lower().split(",")
    ):
        raise Refusal(Reason.REQUEST_UNSUPPORTED, "header `connection` would have other headers removed")
    if request.method == "CONNECT":
        raise Refusal(Reason.REQUEST_UNSUPPORTED, "CONNECT opens a tunnel that nobody judges")
    if headers.get("transfer-encoding", "chunked").lower() != "chunked":
        raise Refusal(Reason.REQUEST_UNSUPPORTED, "a transfer encoding other than chunked")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(Reason.REQUEST_UNSUPPORTED, "a content encoding hides the body")
    _refuse_partial(request)
    return sent.notes


class _Sent(NamedTuple):
    """What follows from the names of headers alone: a client sends the same ones each time."""

    override: str
    no_comma: tuple[str, ...]
    notes: tuple[str, ...]


@functools.lru_cache(maxsize=512)
def _sent(names: tuple[str, ...]) -> _Sent:
    return _Sent(
        override=min(_OVERRIDES.intersection(names), default=""),
        no_comma=tuple(name for name in _NO_COMMA if name in names),
        notes=tuple(sorted(f"client sent {name}" for name in names if name.startswith(_OURS))),
    )


def _refuse_repeated(request: Request, no_comma: tuple[str, ...]) -> None:
    for name in request.repeated:
        if name in _SINGLE or name.startswith("mcp-param-"):
            raise Refusal(Reason.REQUEST_AMBIGUOUS, f"header `{name}` came more than once")
    headers = request.headers
    for name in no_comma:
        if "," in headers[name]:
            raise Refusal(Reason.REQUEST_AMBIGUOUS, f"header `{name}` came more than once, or holds a comma")
    if "," in request.host:
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "the host came more than once")


def _refuse_partial(request: Request) -> None:
    """Envoy may show part of a body even when told not to, and its own flag may lie: every sign counts."""
    headers = request.headers
    body = request.body
    if headers.get("x-envoy-auth-partial-body", "false") != "false":
        raise Refusal(Reason.REQUEST_TRUNCATED, "Envoy says that it shows a part of the body")
    shown = body_shown(request)
    if shown and request.size > len(body):
        raise Refusal(Reason.REQUEST_TRUNCATED, "Envoy received more of the body than it shows")
    length = headers.get("content-length")
    if length is not None and length != str(len(body)):
        _refuse_length(length, len(body), shown=shown)
    limit = request.context.get("max_request_bytes")
    if limit is not None and body and not (_DIGITS.fullmatch(limit) and len(body) < int(limit)):
        raise Refusal(Reason.REQUEST_TRUNCATED, "the body is as long as Envoy may show, or longer")


def _refuse_length(length: str, seen: int, *, shown: bool) -> None:
    if not _DIGITS.fullmatch(length):
        raise Refusal(Reason.REQUEST_MALFORMED, "header `content-length` is no number")
    if int(length) < seen:
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "the body is longer than `content-length` says")
    if shown and int(length) > seen:
        raise Refusal(Reason.REQUEST_TRUNCATED, "the body is shorter than `content-length` says")


def body_shown(request: Request) -> bool:
    """Whether the route has Envoy show bodies."""
    return request.context.get("body") != "none"


def refuse_body(request: Request) -> None:
    """For methods whose body has no meaning: some apps read it all the same.

    Raises:
        Refusal: When there is one.
    """
    length = request.headers.get("content-length", "0")
    if request.body or request.size > 0 or length != "0" or "transfer-encoding" in request.headers:
        raise Refusal(Reason.REQUEST_MALFORMED, f"a body on {request.method}")


@functools.lru_cache(maxsize=256)
def media_type(content_type: str) -> str:
    """The media type, in lower case, of a `content-type`; empty for none.

    Raises:
        Refusal: For a charset other than UTF-8, or a parameter that cannot be read.
    """
    first, *parameters = content_type.split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in {"utf-8", "utf8"}:
            raise Refusal(Reason.REQUEST_UNSUPPORTED, "a charset other than UTF-8")
    return first.strip().lower()


def content_type_of(headers: Mapping[str, str]) -> str:
    """The media type of the body; empty when none is given."""
    return media_type(headers.get("content-type", ""))
