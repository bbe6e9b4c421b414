"""One HTTP/2 connection of a server for unary gRPC, without I/O: bytes in, calls out, answers in, bytes out.

The rules of this room, as h11 has them:

1. It never reads a socket or a clock. Whoever runs it brings bytes and the time.
2. Nothing the peer sends raises. It ends a stream, or the connection, with the code that RFC 9113 names.
3. Every call that `receive` gives out is answered once with `answer` or `fail`, or is named as cancelled by
   `receive` or `expire`, or the connection is `closed`.
4. After every call of a method, whatever `take` gives is sent; when `finished`, the connection is closed;
   when the time reaches `due`, `expire` is called.

This file takes frames apart and knows what concerns the whole connection; `streams` has the rest.
"""

from math import inf
from typing import Final

from authz.http2 import frames
from authz.http2.blocks import Blocks, stripped
from authz.http2.codes import ConnectionFault, ErrorCode, Status, StreamFault
from authz.http2.limits import Budgets, Limits
from authz.http2.outbox import Outbox
from authz.http2.streams import Received, Streams

_FRAME_HEAD: Final = frames.HEAD.size
_DRAIN_PING: Final = b"draining"
_SIZES: Final = {frames.WINDOW_UPDATE: 4, frames.RST_STREAM: 4, frames.PING: 8}
"""Payloads of a fixed size."""
_PRIORITY_BYTES: Final = 5
_GOAWAY_BYTES: Final = 8


class Connection:
    """The server's end of one connection."""

    __slots__ = (
        "_blocks",
        "_budgets",
        "_drain_due",
        "_due",
        "_expected",
        "_handshake_due",
        "_limits",
        "_outbox",
        "_preface",
        "_streams",
        "_tail",
        "closed",
        "fault",
    )

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._budgets = Budgets(limits.floods, now)
        self._blocks = Blocks(limits)
        self._outbox = Outbox(limits.pending_bytes)
        self._streams = Streams(limits, self._budgets, self._blocks, self._outbox, now)
        self._tail = b""
        self._preface = True
        self._expected: int | None = frames.SETTINGS
        """The only kind of frame that may come next, if there is only one."""
        self._due = self._handshake_due = now + limits.handshake_seconds
        self._drain_due = inf
        self.closed = False
        """GOAWAY has been said and nothing more is heard."""
        self.fault: ConnectionFault | None = None
        """What ended the connection before its time."""
        self._greet()

    @property
    def finished(self) -> bool:
        """Whether the connection can be closed once `take` has been sent."""
        return self.closed or (self._streams.leaving and not self._streams)

    @property
    def due(self) -> float:
        """`expire` has nothing to do before this instant."""
        return min(self._due, self._streams.due)

    def take(self) -> bytes:
        """The bytes to send now."""
        return self._outbox.take()

    def receive(self, data: bytes, now: float) -> Received:
        """Hear what the peer sent; gives the calls that are whole by it, and those cancelled."""
        if not self.closed:
            try:
                self._hear(self._tail + data if self._tail else data, now)
            except ConnectionFault as fault:
                self._end(fault)
        return self._streams.taken()

    def answer(self, stream_id: int, message: bytes, now: float) -> None:
        """Answer a call with OK and a message; nothing happens if it has been cancelled."""
        try:
            self._streams.answer(stream_id, message, now)
        except ConnectionFault as fault:
            self._end(fault)

    def fail(self, stream_id: int, status: Status, text: str, now: float) -> None:
        """Answer a call with a status only; nothing happens if it has been cancelled."""
        self._streams.fail(stream_id, status, text, now)

    def wait(self, stream_id: int, now: float) -> None:
        """The answer to this call will come later: watch its deadline."""
        self._streams.wait(stream_id, now)

    def drain(self, now: float, seconds: float | None = None) -> None:
        """Take no new calls, finish those in flight for at most `seconds` (RFC 9113 section 6.8).

        The first GOAWAY refuses nothing; the second comes when an answer to our PING shows that the peer has
        seen the first, so that no call on its way is lost.
        """
        if self.finished or self._drain_due < inf:
            return
        self._drain_due = now + (self._limits.drain_seconds if seconds is None else seconds)
        self._due = min(self._due, self._drain_due)
        if self._preface:
            self._leave()
        else:
            self._outbox.write(frames.goaway(frames.LARGEST_STREAM_ID, ErrorCode.NO_ERROR))
            self._outbox.write(frames.frame(frames.PING, 0, 0, _DRAIN_PING))

    def expire(self, now: float) -> list[int]:
        """End what has taken too long; gives the calls whose answer nobody waits for any more."""
        if not self.closed:
            try:
                self._expire(now)
            except ConnectionFault as fault:
                self._end(fault)
        return self._streams.taken().cancelled

    def _greet(self) -> None:
        limits = self._limits
        self._outbox.write(
            frames.settings(
                {
                    frames.HEADER_TABLE_SIZE: limits.header_table_bytes,
                    frames.MAX_CONCURRENT_STREAMS: limits.concurrent_streams,
                    frames.INITIAL_WINDOW_SIZE: limits.stream_window,
                    frames.MAX_HEADER_LIST_SIZE: limits.header_list_bytes,
                }
            )
        )
        if limits.connection_window > frames.DEFAULT_WINDOW:
            grant = limits.connection_window - frames.DEFAULT_WINDOW
            self._outbox.write(frames.window_update(0, grant))

    # Frames

    def _hear(self, data: bytes, now: float) -> None:
        at, end = 0, len(data)
        if self._preface:
            at = self._hear_preface(data)
            if not at:
                self._tail = data
                return
        unpack = frames.HEAD.unpack_from
        while end - at >= _FRAME_HEAD:
            high, low, kind, flags, stream_id = unpack(data, at)
            size = high << 8 | low
            if size > frames.DEFAULT_FRAME_SIZE:
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "frame larger than we take")
            start = at + _FRAME_HEAD
            if start + size > end:
                break
            at = start + size
            stream_id &= frames.LARGEST_STREAM_ID
            try:
                if self._expected is not None:
                    self._hear_expected(kind, flags, stream_id, data[start:at], now)
                elif kind == frames.DATA:
                    self._streams.go_on(flags, stream_id, data[start:at], now)
                elif kind == frames.HEADERS:
                    self._hear_headers(flags, stream_id, data[start:at], now)
                else:
                    self._hear_control(kind, flags, stream_id, data[start:at], now)
            except StreamFault as fault:
                self._budgets.faults.spend(now)
                self._streams.reset(fault.stream_id, fault.code)
        self._tail = data[at:] if at < end else b""
        self._streams.settle(now)

    def _hear_preface(self, data: bytes) -> int:
        """Where the preface ends, or 0 while more of it has to come."""
        size = len(frames.PREFACE)
        if data[:size] != frames.PREFACE[: len(data)]:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "not HTTP/2")
        if len(data) < size:
            return 0
        self._preface = False
        return size

    def _hear_expected(self, kind: int, flags: int, stream_id: int, payload: bytes, now: float) -> None:
        """The first SETTINGS (RFC 9113 section 3.4), or the rest of a field block (section 6.10)."""
        if kind != self._expected:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "this frame may not come here")
        if kind == frames.SETTINGS:
            if flags & frames.ACK:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "acknowledgement before SETTINGS")
            self._expected = None
            self._hear_control(kind, flags, stream_id, payload, now)
            return
        whole = self._blocks.resume(stream_id, flags, payload)
        if whole is not None:
            self._expected = None
            stream_id, flags, block = whole
            self._streams.begin(flags, stream_id, block, now)

    def _hear_headers(self, flags: int, stream_id: int, payload: bytes, now: float) -> None:
        if flags & (frames.PADDED | frames.PRIORITISED):
            payload = stripped(stream_id, flags, payload)
        if flags & frames.END_HEADERS:
            self._streams.begin(flags, stream_id, payload, now)
        elif stream_id == 0:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "HEADERS without a stream")
        else:
            self._blocks.start(stream_id, flags, payload)
            self._expected = frames.CONTINUATION

    def _hear_control(self, kind: int, flags: int, stream_id: int, payload: bytes, now: float) -> None:
        if len(payload) != _SIZES.get(kind, len(payload)):
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "frame of a wrong size")
        match kind:
            case frames.WINDOW_UPDATE:
                self._budgets.window_updates.spend(now)
                self._streams.credit(stream_id, int.from_bytes(payload, "big") & frames.LARGEST_WINDOW)
            case frames.RST_STREAM:
                self._budgets.resets.spend(now)
                self._streams.cancel(stream_id)
            case frames.SETTINGS:
                self._budgets.settings.spend(now)
                self._hear_settings(flags, stream_id, payload)
            case frames.PING:
                self._budgets.pings.spend(now)
                self._hear_ping(flags, stream_id, payload)
            case frames.PUSH_PROMISE | frames.CONTINUATION:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "this frame may not come here")
            case _:
                self._budgets.idle_frames.spend(now)
                self._hear_idle_frame(kind, stream_id, payload)

    def _hear_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "SETTINGS on a stream")
        if flags & frames.ACK:
            if payload:
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "acknowledgement with a payload")
            if self._handshake_due < inf:
                self._handshake_due = inf
                self._blocks.acknowledged()
                self._streams.known_bound = True
            return
        values = frames.read_settings(payload)
        self._outbox.write(frames.frame(frames.SETTINGS, frames.ACK, 0))
        self._outbox.frame_size = values.get(frames.MAX_FRAME_SIZE, self._outbox.frame_size)
        window = values.get(frames.INITIAL_WINDOW_SIZE)
        if window is not None:
            self._streams.resize(window)

    def _hear_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PING on a stream")
        if not flags & frames.ACK:
            self._outbox.write(frames.frame(frames.PING, frames.ACK, 0, payload))
        elif payload == _DRAIN_PING and self._drain_due < inf:
            self._leave()

    def _hear_idle_frame(self, kind: int, stream_id: int, payload: bytes) -> None:
        """PRIORITY, GOAWAY, and kinds that we do not know and must ignore (RFC 9113 section 5.5)."""
        if kind == frames.PRIORITY:
            self._hear_priority(stream_id, payload)
        elif kind == frames.GOAWAY:
            if stream_id:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "GOAWAY on a stream")
            if len(payload) < _GOAWAY_BYTES:
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY too short")
            self._leave()

    def _hear_priority(self, stream_id: int, payload: bytes) -> None:
        """Sound or not; what it says is ignored (RFC 9113 section 5.3.2)."""
        if stream_id == 0:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PRIORITY without a stream")
        if len(payload) != _PRIORITY_BYTES:
            if self._streams.is_open(stream_id):
                raise StreamFault(stream_id, ErrorCode.FRAME_SIZE_ERROR, "PRIORITY of a wrong size")
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY of a wrong size")
        if int.from_bytes(payload[:4], "big") & frames.LARGEST_STREAM_ID == stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "stream depends on itself")

    # Time and the end

    def _expire(self, now: float) -> None:
        if now >= self._handshake_due:
            raise ConnectionFault(ErrorCode.SETTINGS_TIMEOUT, "SETTINGS not acknowledged")
        if now >= self._drain_due:
            raise ConnectionFault(ErrorCode.NO_ERROR, "drained")
        streams = self._streams
        streams.expire(now)
        if streams:
            streams.quiet_since = now
        idle_due = streams.quiet_since + self._limits.idle_seconds
        if now >= idle_due:
            self.drain(now)
            idle_due = inf
        self._due = min(self._handshake_due, self._drain_due, idle_due)

    def _leave(self) -> None:
        """Take no more streams and say which was the last."""
        if not self._streams.leaving:
            self._streams.leaving = True
            self._outbox.write(frames.goaway(self._streams.last_id, ErrorCode.NO_ERROR))

    def _end(self, fault: ConnectionFault) -> None:
        """End the connection now: every call that was given out is cancelled."""
        self.fault = fault
        self.closed = True
        self._streams.end()
        self._tail = b""
        self._outbox.write(frames.goaway(self._streams.last_id, fault.code, fault.text))
