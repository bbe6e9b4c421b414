"""A client by hand: frames and field blocks as bytes, and what a server sent as frames. No state."""

from collections.abc import Iterable
from dataclasses import dataclass

from authz.http2 import Connection, ErrorCode, Limits, frames
from authz.http2.streams import Received

CHECK = "/envoy.service.auth.v3.Authorization/Check"
FIELDS = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", CHECK.encode()),
    (b":authority", b"authz"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
)
SHRINK = b"\x20"
"""Table size update to 0: what the first block after our acknowledgement begins with."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that was sent."""

    kind: int
    flags: int
    stream_id: int
    payload: bytes

    @property
    def code(self) -> ErrorCode:
        """The error code of RST_STREAM or GOAWAY."""
        start = 4 if self.kind == frames.GOAWAY else 0
        return ErrorCode(int.from_bytes(self.payload[start : start + 4], "big"))


def split(data: bytes) -> list[Frame]:
    """The frames in `data`, which holds whole ones only."""
    found = []
    while data:
        size, kind, flags = int.from_bytes(data[:3], "big"), data[3], data[4]
        assert len(data) >= 9 + size
        found.append(Frame(kind, flags, int.from_bytes(data[5:9], "big"), data[9 : 9 + size]))
        data = data[9 + size :]
    return found


def _string(data: bytes) -> bytes:
    if len(data) < 127:
        return bytes((len(data),)) + data
    rest, size = len(data) - 127, bytearray((127,))
    while rest >= 128:
        size.append(rest % 128 + 128)
        rest //= 128
    return bytes((*size, rest)) + data


def block(fields: Iterable[tuple[bytes, bytes]] = FIELDS, first: int = 0x00) -> bytes:
    """A field block of literals that no table takes in."""
    return b"".join(bytes((first,)) + _string(name) + _string(value) for name, value in fields)


def fields_with(*more: tuple[bytes, bytes], without: Iterable[bytes] = ()) -> tuple[tuple[bytes, bytes], ...]:
    """The usual fields of a call, changed."""
    return tuple(field for field in FIELDS if field[0] not in set(without)) + more


def headers(stream_id: int, fields: bytes | None = None, *, end: bool = False) -> bytes:
    """HEADERS in one frame."""
    flags = frames.END_HEADERS | (frames.END_STREAM if end else 0)
    return frames.frame(frames.HEADERS, flags, stream_id, block() if fields is None else fields)


def data(stream_id: int, payload: bytes, *, end: bool = True) -> bytes:
    """DATA."""
    return frames.frame(frames.DATA, frames.END_STREAM if end else 0, stream_id, payload)


def message(content: bytes) -> bytes:
    """A message with gRPC's prefix."""
    return b"\x00" + len(content).to_bytes(4, "big") + content


def call(stream_id: int, content: bytes = b"ask") -> bytes:
    """A whole call."""
    return headers(stream_id) + data(stream_id, message(content))


def connected(limits: Limits | None = None, *, acknowledge: bool = True, window: int = 65_535) -> Connection:
    """A connection at time 0 whose peer has said hello; with `acknowledge`, its blocks carry no state."""
    connection = Connection(limits or Limits(), 0.0)
    hello = frames.PREFACE + frames.settings({frames.INITIAL_WINDOW_SIZE: window})
    connection.receive(hello, 0.0)
    if acknowledge:
        # Stream 1 is spent on the block that has to begin with the table size update.
        connection.receive(frames.frame(frames.SETTINGS, frames.ACK, 0), 0.0)
        connection.receive(headers(1, SHRINK + block()) + frames.reset(1, ErrorCode.CANCEL), 0.0)
    connection.take()
    return connection


def replies(connection: Connection) -> list[Frame]:
    """The frames that the connection has to send."""
    return split(connection.take())


def goaway(connection: Connection) -> Frame:
    """The GOAWAY that a connection ended with."""
    sent = replies(connection)
    assert connection.closed
    assert sent[-1].kind == frames.GOAWAY
    return sent[-1]


def hear(connection: Connection, *parts: bytes, now: float = 0.0) -> Received:
    """Receive in one read."""
    return connection.receive(b"".join(parts), now)
