"""From a list of fields to a request: what RFC 9113 section 8 demands of it, and what gRPC does.

Knows no frames and no compression. A request that breaks HTTP is malformed; one that is sound HTTP but not a
call we serve gets a reply that says so.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from authz.http2.codes import Status
from authz.http2.unary import Reply, not_grpc, read_timeout, refusal

_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
_NOT_IN_VALUE: Final = re.compile(rb"[\x00\r\n]")
_PSEUDO: Final = frozenset({b":method", b":scheme", b":path", b":authority"})
_OF_CONNECTIONS: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade"}
)
"""Fields that RFC 9113 section 8.2.2 forbids."""
_OF_THE_CALL: Final = frozenset(
    {b"content-type", b"content-length", b"te", b"grpc-timeout", b"grpc-encoding", b"grpc-accept-encoding"}
)
"""What gRPC itself uses; the rest is metadata."""
_METHOD_NOT_ALLOWED: Final = not_grpc(405)
_UNSUPPORTED_MEDIA_TYPE: Final = not_grpc(415)
_BAD_TIMEOUT: Final = refusal(Status.INTERNAL, "malformed grpc-timeout")


class Malformed(Exception):  # noqa: N818 - RFC 9113 section 8.1.1 calls it this
    """The request breaks HTTP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the first HEADERS of a request say."""

    path: str
    """Method of the call, such as `/package.Service/Method`."""
    metadata: Mapping[str, str]
    """Names in lower case; repeated values joined with `,`."""
    timeout: float | None = None
    """Seconds that the caller waits."""
    content_length: int | None = None
    """Bytes of DATA that were promised."""
    refusal: Reply | None = None
    """The answer, where the head alone decides it."""


def _checked(fields: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """The fields by name, each sound by section 8.2, repeated ones joined; pseudo-fields first and once."""
    found: dict[bytes, bytes] = {}
    regular = False
    for name, value in fields:
        if name[:1] == b":":
            if regular or name not in _PSEUDO or name in found:
                raise Malformed("unknown, repeated or late pseudo-field")
        elif _NAME.fullmatch(name) and name not in _OF_CONNECTIONS:
            regular = True
        else:
            raise Malformed("field name that HTTP/2 forbids")
        if value and (value[0] in b" \t" or value[-1] in b" \t" or _NOT_IN_VALUE.search(value)):
            raise Malformed("field value that HTTP forbids")
        found[name] = value if name not in found else found[name] + b"," + value
    return found


def read_head(fields: Iterable[tuple[bytes, bytes]]) -> Head:
    """The head of a request.

    Raises:
        Malformed: It breaks RFC 9113 section 8.
    """
    found = _checked(fields)
    method = found.get(b":method")
    if not method or b":scheme" not in found or not found.get(b":path"):
        raise Malformed("a mandatory pseudo-field is missing or empty")
    if found.get(b"te", b"trailers") != b"trailers":
        raise Malformed("TE other than trailers")
    length = found.get(b"content-length")
    if length is not None and not (length.isdigit() and len(length) < 20):  # noqa: PLR2004 - 64 bits
        raise Malformed("content-length is not a number")
    timeout = found.get(b"grpc-timeout")
    seconds = None if timeout is None else read_timeout(timeout)
    return Head(
        path=found[b":path"].decode("latin-1"),
        metadata=MappingProxyType(
            {
                name.decode("ascii"): value.decode("latin-1")
                for name, value in found.items()
                if name not in _PSEUDO and name not in _OF_THE_CALL
            }
        ),
        timeout=seconds,
        content_length=None if length is None else int(length),
        refusal=_refusal(method, found.get(b"content-type", b""), timeout, seconds),
    )


def plain_metadata(fields: Iterable[tuple[bytes, bytes]]) -> dict[str, str] | None:
    """The fields as metadata, if that is all that they are and they are sound."""
    try:
        found = _checked(fields)
    except Malformed:
        return None
    if any(name[:1] == b":" or name in _OF_THE_CALL for name in found):
        return None
    return {name.decode("ascii"): value.decode("latin-1") for name, value in found.items()}


def read_trailers(fields: Iterable[tuple[bytes, bytes]]) -> None:
    """Check the trailers of a request; a unary gRPC call has no use for them.

    Raises:
        Malformed: They break RFC 9113 section 8.
    """
    if any(name[:1] == b":" for name in _checked(fields)):
        raise Malformed("pseudo-field in trailers")


def _refusal(method: bytes, kind: bytes, timeout: bytes | None, seconds: float | None) -> Reply | None:
    if method != b"POST":
        return _METHOD_NOT_ALLOWED
    if kind.partition(b";")[0].rstrip() not in {b"application/grpc", b"application/grpc+proto"}:
        return _UNSUPPORTED_MEDIA_TYPE
    if timeout is not None and seconds is None:
        return _BAD_TIMEOUT
    return None
