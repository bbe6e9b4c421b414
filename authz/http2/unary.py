"""gRPC over HTTP/2 for unary calls: the one message of a request, its timeout, and the bytes of every answer.

Follows PROTOCOL-HTTP2.md and statuscodes.md of gRPC. Knows neither frames nor streams.
"""

import re
from typing import Final, NamedTuple

from authz.http2.codes import Status

PREFIX_BYTES: Final = 5
"""The compressed flag and the length in front of a message."""

_TIMEOUT: Final = re.compile(rb"([0-9]{1,8})([HMSmun])")
_UNITS: Final = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}
_STATUS_200: Final = b"\x88"
_LONGEST_TEXT: Final = 120
"""So that a string's length takes one byte (RFC 7541 section 5.1)."""


class Reply(NamedTuple):
    """An answer as field blocks and data; the last part that is not empty ends the stream."""

    head: bytes
    """Block of the first HEADERS."""
    body: bytes
    """DATA, may be empty."""
    trailers: bytes
    """Block of the last HEADERS, may be empty."""


class NoMessage(Exception):  # noqa: N818 - not an error of the connection: the call is refused
    """The request does not carry exactly one message that we can read."""

    def __init__(self, status: Status, text: str) -> None:
        super().__init__(text)
        self.reply = refusal(status, text)


def _string(data: bytes) -> bytes:
    return bytes((len(data),)) + data


def _field(name: bytes, value: bytes) -> bytes:
    """A literal that no table takes in (RFC 7541 section 6.2.2), so that blocks are constant."""
    return b"\x00" + _string(name) + _string(value)


_GRPC: Final = _STATUS_200 + _field(b"content-type", b"application/grpc")

ANSWER_HEAD: Final = _GRPC
"""Block of the first HEADERS of an answer that carries a message."""
ANSWER_TRAILERS: Final = _field(b"grpc-status", b"0")
"""Block of the last."""


def answer(message: bytes) -> Reply:
    """OK, with a message."""
    return Reply(ANSWER_HEAD, b"\x00" + len(message).to_bytes(4, "big") + message, ANSWER_TRAILERS)


def refusal(status: Status, text: str) -> Reply:
    """A status without a message (`Trailers-Only`)."""
    escaped = "".join(char if " " <= char <= "~" and char != "%" else "?" for char in text[:_LONGEST_TEXT])
    fields = _field(b"grpc-status", str(int(status)).encode()) + _field(b"grpc-message", escaped.encode())
    if status is Status.UNIMPLEMENTED:
        fields += _field(b"grpc-accept-encoding", b"identity")
    return Reply(_GRPC + fields, b"", b"")


def not_grpc(http_status: int) -> Reply:
    """A request that is no gRPC at all is told so in HTTP."""
    body = b"this server speaks gRPC only\n"
    fields = (
        (b":status", str(http_status).encode()),
        (b"content-type", b"text/plain"),
        (b"content-length", str(len(body)).encode()),
    ) + (((b"allow", b"POST"),) if http_status == 405 else ())  # noqa: PLR2004 - Method Not Allowed
    return Reply(b"".join(_field(*field) for field in fields), body, b"")


def read_timeout(value: bytes) -> float | None:
    """Seconds of a `grpc-timeout`, or None if it is not one."""
    match = _TIMEOUT.fullmatch(value)
    return int(match[1]) * _UNITS[match[2]] if match else None


def read_message(body: bytes) -> bytes:
    """The one message of a whole request.

    Raises:
        NoMessage: There is none, more than one, part of one, or it is compressed.
    """
    size = len(body) - PREFIX_BYTES
    if size >= 0 and not body[0] and int.from_bytes(body[1:5], "big") == size:
        return body[PREFIX_BYTES:]
    if not body:
        raise NoMessage(Status.UNIMPLEMENTED, "a unary call has one message, this has none")
    if body[0] == 1:
        raise NoMessage(Status.UNIMPLEMENTED, "compressed messages are not supported")
    if body[0]:
        raise NoMessage(Status.INTERNAL, "unknown flags on a message")
    if size < 0 or int.from_bytes(body[1:5], "big") > size:
        raise NoMessage(Status.INTERNAL, "the message ends early")
    raise NoMessage(Status.UNIMPLEMENTED, "a unary call has one message, this has more")
