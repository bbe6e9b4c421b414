"""One HTTP/2 connection of a server for unary gRPC, without I/O: bytes in, calls out, answers in, bytes out.

The rules of this room, as h11 has them:

1. It never reads a socket or a clock. Whoever runs it brings bytes and the time.
2. Nothing the peer sends raises. It ends a stream, or the connection, with the code that RFC 9113 names.
3. Every call that `receive` gives out is answered once with `answer` or `fail`, or is named in `cancelled`.
4. After every call of a method, whatever `take` gives is sent; when `finished`, the connection is closed;
   when the time reaches `due`, `expire` is called.

This file is longer than most: it is the path of every call, and the states of a stream stay in one place.
"""

from collections.abc import Mapping
from math import inf
from typing import Final, NamedTuple

from authz.http2 import frames
from authz.http2.blocks import Blocks, stripped
from authz.http2.codes import ConnectionFault, ErrorCode, Status, StreamFault
from authz.http2.head import Malformed
from authz.http2.limits import Budgets, Limits
from authz.http2.outbox import Outbox
from authz.http2.stream import Stream, Timers
from authz.http2.unary import PREFIX_BYTES, NoMessage, Reply, read_message, refusal

_FRAME_HEAD: Final = frames.HEAD.size
_DRAIN_PING: Final = b"draining"
_REMEMBERED_RESETS: Final = 4
"""Sets of concurrent streams whose late frames are let pass after we reset them."""
_REMEMBERED_GAPS: Final = 64
_FOUR: Final = 4
_EIGHT: Final = 8
_PRIORITY_BYTES: Final = 5
_DEADLINE_EXCEEDED: Final = refusal(Status.DEADLINE_EXCEEDED, "deadline exceeded")
_TOO_LARGE: Final = refusal(Status.RESOURCE_EXHAUSTED, "message too large")
_TOO_MUCH: Final = refusal(Status.RESOURCE_EXHAUSTED, "too many unfinished messages")


class Call(NamedTuple):
    """A whole request."""

    stream_id: int
    """By which to answer it."""
    path: str
    """Method, such as `/package.Service/Method`."""
    metadata: Mapping[str, str]
    """Names in lower case; repeated values joined with `,`."""
    message: bytes
    """The serialized request."""


class Received(NamedTuple):
    """What a read brought."""

    calls: list[Call]
    """Requests to answer."""
    cancelled: list[int]
    """Calls given out earlier whose answer nobody waits for any more."""


class Connection:
    """The server's end of one connection."""

    __slots__ = (
        "_abandoned",
        "_blocks",
        "_budgets",
        "_buffered",
        "_calls",
        "_cancelled",
        "_drain_due",
        "_expected",
        "_gaps",
        "_handshake_due",
        "_last_id",
        "_leaving",
        "_limits",
        "_outbox",
        "_preface",
        "_quiet_since",
        "_receiving",
        "_room",
        "_streams",
        "_tail",
        "_timers",
        "_unarmed",
        "closed",
        "due",
        "fault",
    )

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._budgets = Budgets(limits.floods, now)
        self._blocks = Blocks(limits)
        self._outbox = Outbox(limits.pending_bytes)
        self._streams: dict[int, Stream] = {}
        self._receiving: dict[int, Stream] = {}
        """Those of them whose request is not whole yet."""
        self._timers = Timers(self._streams)
        self._unarmed: list[Stream] = []
        self._abandoned: dict[int, None] = {}
        """Streams that we reset, and that the peer may not know of yet."""
        self._gaps: dict[int, int] = {}
        """Identifiers that were skipped: first to last."""
        self._last_id = 0
        self._calls: dict[int, Call] = {}
        """Calls of the present read, which can still be taken back."""
        self._cancelled: list[int] = []
        self._tail = b""
        self._preface = True
        self._expected: int | None = frames.SETTINGS
        """The only kind of frame that may come next, if there is only one."""
        self._room = limits.connection_window
        self._buffered = 0
        self._quiet_since = now
        self._handshake_due = now + limits.handshake_seconds
        self._drain_due = inf
        self._leaving = False
        """No more streams are taken."""
        self.due = self._handshake_due
        """`expire` has nothing to do before this instant."""
        self.closed = False
        """GOAWAY has been said and nothing more is heard."""
        self.fault: ConnectionFault | None = None
        """What the peer did to end the connection."""
        self._greet()

    @property
    def finished(self) -> bool:
        """Whether the connection can be closed once `take` has been sent."""
        return self.closed or (self._leaving and not self._streams)

    def take(self) -> bytes:
        """The bytes to send now."""
        return self._outbox.take()

    def receive(self, data: bytes, now: float) -> Received:
        """Hear what the peer sent; gives the calls that are whole by it, and those cancelled."""
        self._cancelled = []
        if not self.closed:
            try:
                self._hear(self._tail + data if self._tail else data, now)
            except ConnectionFault as fault:
                self._end(fault)
        calls = self._calls
        self._calls = {}
        return Received(list(calls.values()), self._cancelled)

    def answer(self, stream_id: int, message: bytes, now: float) -> None:
        """Answer a call with OK and a message; nothing happens if it has been cancelled."""
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        try:
            if self._outbox.send_message(stream, message):
                del self._streams[stream_id]
            else:
                self._arm(stream, now + self._limits.send_seconds)
        except ConnectionFault as fault:
            self._end(fault)

    def fail(self, stream_id: int, status: Status, text: str, now: float) -> None:
        """Answer a call with a status only; nothing happens if it has been cancelled."""
        stream = self._streams.get(stream_id)
        if stream is not None:
            self._reply(stream, refusal(status, text), now)

    def wait(self, stream_id: int, now: float) -> None:
        """The answer to this call will come later: watch its deadline."""
        stream = self._streams.get(stream_id)
        if stream is not None:
            due = now + self._limits.answer_seconds if stream.deadline is None else stream.deadline
            self._arm(stream, due)

    def drain(self, now: float) -> None:
        """Take no new calls, finish those in flight (RFC 9113 section 6.8).

        The first GOAWAY refuses nothing; the second comes when an answer to our PING shows that the peer has
        seen the first, so that no call on its way is lost.
        """
        if self.finished or self._drain_due < inf:
            return
        self._drain_due = now + self._limits.drain_seconds
        self.due = min(self.due, self._drain_due)
        if self._preface:
            self._leave()
        else:
            self._outbox.write(frames.goaway(frames.LARGEST_STREAM_ID, ErrorCode.NO_ERROR))
            self._outbox.write(frames.frame(frames.PING, 0, 0, _DRAIN_PING))

    def expire(self, now: float) -> list[int]:
        """End what has taken too long; gives the calls whose answer nobody waits for any more."""
        self._cancelled = []
        if self.closed:
            return self._cancelled
        try:
            self._expire(now)
        except ConnectionFault as fault:
            self._end(fault)
        return self._cancelled

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
                    self._hear_data(flags, stream_id, data[start:at], now)
                elif kind == frames.HEADERS:
                    self._hear_headers(flags, stream_id, data[start:at], now)
                else:
                    self._hear_control(kind, flags, stream_id, data[start:at], now)
            except StreamFault as fault:
                self._budgets.faults.spend(now)
                self._reset(fault.stream_id, fault.code)
        self._tail = data[at:] if at < end else b""
        self._settle(now)

    def _hear_preface(self, data: bytes) -> int:
        """Where the preface ends, or 0 while more of it has to come."""
        size = len(frames.PREFACE)
        if data[:size] != frames.PREFACE[: len(data)]:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "not HTTP/2")
        if len(data) < size:
            return 0
        self._preface = False
        return size

    def _settle(self, now: float) -> None:
        """What is done once a read: open our window again, watch requests that are not whole."""
        window = self._limits.connection_window
        if self._room < window // 2:
            self._outbox.write(frames.window_update(0, window - self._room))
            self._room = window
        if self._unarmed:
            for stream in self._unarmed:
                if stream.id in self._receiving:
                    due = now + self._limits.receive_seconds
                    self._arm(stream, due if stream.deadline is None else min(due, stream.deadline))
            self._unarmed.clear()

    def _hear_expected(self, kind: int, flags: int, stream_id: int, payload: bytes, now: float) -> None:
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
            self._hear_block(flags, stream_id, block, now)

    def _hear_headers(self, flags: int, stream_id: int, payload: bytes, now: float) -> None:
        if flags & (frames.PADDED | frames.PRIORITISED):
            payload = stripped(stream_id, flags, payload)
        if flags & frames.END_HEADERS:
            self._hear_block(flags, stream_id, payload, now)
        elif stream_id == 0:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "HEADERS without a stream")
        else:
            self._blocks.start(stream_id, flags, payload)
            self._expected = frames.CONTINUATION

    def _hear_block(self, flags: int, stream_id: int, block: bytes, now: float) -> None:
        """A whole field block: a request begins, or something that the state of the stream decides."""
        if stream_id <= self._last_id or self._leaving or not stream_id & 1:
            self._hear_late_block(flags, stream_id, block, now)
            return
        if stream_id - self._last_id > 2:  # noqa: PLR2004 - a client's identifiers are odd
            self._note_gap(self._last_id + 1, stream_id - 1)
        self._last_id = stream_id
        try:
            head = self._blocks.head(block)
        except Malformed as problem:
            raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR, str(problem)) from None
        if len(self._streams) >= self._limits.concurrent_streams:
            self._refuse(stream_id, now)
            return
        stream = Stream(stream_id, head, self._limits.stream_window, self._outbox.initial_window)
        if head.timeout is not None:
            stream.deadline = now + head.timeout
        self._quiet_since = now
        self._streams[stream_id] = self._receiving[stream_id] = stream
        if flags & frames.END_STREAM:
            self._complete(stream, b"", now)
        else:
            self._unarmed.append(stream)

    def _hear_late_block(self, flags: int, stream_id: int, block: bytes, now: float) -> None:
        """A field block that begins no request that we take."""
        stream = self._receiving.get(stream_id)
        if stream is not None:
            try:
                self._blocks.trailers(block)
            except Malformed as problem:
                raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR, str(problem)) from None
            if not flags & frames.END_STREAM:
                raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR, "trailers that do not end the stream")
            self._complete(stream, b"", now)
            return
        self._blocks.skip(block)
        self._hear_stray(stream_id)

    def _hear_data(self, flags: int, stream_id: int, payload: bytes, now: float) -> None:
        size = len(payload)
        self._room -= size
        if self._room < 0:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "more than the window of the connection")
        stream = self._receiving.get(stream_id)
        if stream is None:
            self._hear_stray(stream_id)
            return
        stream.receive_window -= size
        if stream.receive_window < 0:
            raise StreamFault(stream_id, ErrorCode.FLOW_CONTROL_ERROR, "more than the window of the stream")
        if flags & frames.PADDED:
            payload = frames.unpadded(payload)
        if flags & frames.END_STREAM:
            self._complete(stream, payload, now)
        else:
            self._collect(stream, payload, now)

    def _hear_stray(self, stream_id: int) -> None:
        """HEADERS or DATA on a stream that is not receiving (RFC 9113 section 5.1)."""
        if stream_id in self._streams:
            raise StreamFault(stream_id, ErrorCode.STREAM_CLOSED, "the request has ended")
        if stream_id in self._abandoned or (self._leaving and stream_id > self._last_id):
            return
        if self._idle(stream_id) or any(first <= stream_id <= last for first, last in self._gaps.items()):
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "the stream has not begun")
        raise ConnectionFault(ErrorCode.STREAM_CLOSED, "the stream has ended")

    def _hear_control(self, kind: int, flags: int, stream_id: int, payload: bytes, now: float) -> None:
        match kind:
            case frames.WINDOW_UPDATE:
                self._budgets.window_updates.spend(now)
                self._hear_window_update(stream_id, payload)
            case frames.RST_STREAM:
                self._budgets.resets.spend(now)
                self._hear_reset(stream_id, payload)
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

    def _hear_window_update(self, stream_id: int, payload: bytes) -> None:
        if len(payload) != _FOUR:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "WINDOW_UPDATE of odd size")
        increment = int.from_bytes(payload, "big") & frames.LARGEST_WINDOW
        if stream_id == 0:
            if increment == 0:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
            for done in self._outbox.credit(increment):
                del self._streams[done.id]
            return
        stream = self._streams.get(stream_id)
        if stream is None:
            if self._idle(stream_id):
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE before its stream")
        elif increment == 0:
            raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
        elif self._outbox.credit_stream(stream, increment):
            del self._streams[stream_id]

    def _hear_reset(self, stream_id: int, payload: bytes) -> None:
        if len(payload) != _FOUR:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "RST_STREAM of odd size")
        stream = self._streams.get(stream_id)
        if stream is not None:
            self._drop(stream)
        elif self._idle(stream_id):
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "RST_STREAM before its stream")

    def _hear_settings(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "SETTINGS on a stream")
        if flags & frames.ACK:
            if payload:
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "acknowledgement with a payload")
            if self._handshake_due < inf:
                self._handshake_due = inf
                self._blocks.acknowledged()
            return
        values = frames.read_settings(payload)
        self._outbox.write(frames.frame(frames.SETTINGS, frames.ACK, 0))
        self._outbox.frame_size = values.get(frames.MAX_FRAME_SIZE, self._outbox.frame_size)
        window = values.get(frames.INITIAL_WINDOW_SIZE)
        if window is not None:
            for done in self._outbox.resize(window, self._streams.values()):
                del self._streams[done.id]

    def _hear_ping(self, flags: int, stream_id: int, payload: bytes) -> None:
        if stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PING on a stream")
        if len(payload) != _EIGHT:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "PING of odd size")
        if not flags & frames.ACK:
            self._outbox.write(frames.frame(frames.PING, frames.ACK, 0, payload))
        elif payload == _DRAIN_PING and self._drain_due < inf:
            self._leave()

    def _hear_idle_frame(self, kind: int, stream_id: int, payload: bytes) -> None:
        """PRIORITY, GOAWAY, and kinds that we do not know and must ignore (RFC 9113 section 5.5)."""
        if kind == frames.PRIORITY:
            if stream_id == 0:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "PRIORITY without a stream")
            if len(payload) != _PRIORITY_BYTES:
                if stream_id in self._streams:
                    raise StreamFault(stream_id, ErrorCode.FRAME_SIZE_ERROR, "PRIORITY of odd size")
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "PRIORITY of odd size")
            if int.from_bytes(payload[:4], "big") & frames.LARGEST_STREAM_ID == stream_id:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "stream depends on itself")
        elif kind == frames.GOAWAY:
            if stream_id:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "GOAWAY on a stream")
            if len(payload) < _EIGHT:
                raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "GOAWAY of odd size")
            self._leave()

    # Streams

    def _collect(self, stream: Stream, piece: bytes, now: float) -> None:
        """A piece of a request that is not the last."""
        limits = self._limits
        if not piece:
            self._budgets.empty_frames.spend(now)
        stream.received += len(piece)
        if stream.receive_window < limits.stream_window // 2:
            self._outbox.write(frames.window_update(stream.id, limits.stream_window - stream.receive_window))
            stream.receive_window = limits.stream_window
        if stream.head.refusal is not None:
            return
        body = stream.body
        if body is None:
            body = stream.body = bytearray()
        body += piece
        self._buffered += len(piece)
        if len(body) >= PREFIX_BYTES:
            announced = int.from_bytes(body[1:PREFIX_BYTES], "big")
            if max(announced, len(body) - PREFIX_BYTES) > limits.message_bytes:
                self._reply(stream, _TOO_LARGE, now)
                return
        if self._buffered > limits.buffered_bytes:
            self._reply(stream, _TOO_MUCH, now)

    def _complete(self, stream: Stream, piece: bytes, now: float) -> None:
        """The last piece of a request: it becomes a call, or is answered at once."""
        stream_id, head = stream.id, stream.head
        if head.content_length is not None and head.content_length != stream.received + len(piece):
            raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR, "content-length is not the length")
        del self._receiving[stream_id]
        stream.due = None
        if stream.body is not None:
            self._buffered -= len(stream.body)
            piece = bytes(stream.body) + piece
            stream.body = None
        if head.refusal is not None:
            self._reply(stream, head.refusal, now)
            return
        if stream.deadline is not None and stream.deadline <= now:
            self._reply(stream, _DEADLINE_EXCEEDED, now)
            return
        try:
            message = read_message(piece)
        except NoMessage as problem:
            self._reply(stream, problem.reply, now)
            return
        if len(message) > self._limits.message_bytes:
            self._reply(stream, _TOO_LARGE, now)
            return
        self._calls[stream_id] = Call(stream_id, head.path, head.metadata, message)

    def _reply(self, stream: Stream, reply: Reply, now: float) -> None:
        """Answer a stream without a call, or instead of one."""
        if not self._outbox.send(stream, reply):
            self._arm(stream, now + self._limits.send_seconds)
        elif stream.id in self._receiving:
            # Not an error: the peer need not send the rest (RFC 9113 section 8.1).
            self._reset(stream.id, ErrorCode.NO_ERROR)
        else:
            del self._streams[stream.id]

    def _refuse(self, stream_id: int, now: float) -> None:
        """One stream too many. Its peer's fault only if it knows how many it may open."""
        if self._handshake_due == inf:
            self._budgets.faults.spend(now)
        self._reset(stream_id, ErrorCode.REFUSED_STREAM)

    def _reset(self, stream_id: int, code: ErrorCode) -> None:
        """End a stream from our side; what the peer has on its way for it is let pass."""
        stream = self._streams.get(stream_id)
        if stream is not None:
            self._drop(stream)
        self._outbox.write(frames.reset(stream_id, code))
        self._abandoned[stream_id] = None
        if len(self._abandoned) > _REMEMBERED_RESETS * self._limits.concurrent_streams:
            del self._abandoned[next(iter(self._abandoned))]

    def _drop(self, stream: Stream) -> None:
        """Forget a stream; if its call has been given out, it is cancelled."""
        stream_id = stream.id
        del self._streams[stream_id]
        if self._receiving.pop(stream_id, None) is None:
            if stream.waits:
                self._outbox.forget(stream)
            elif self._calls.pop(stream_id, None) is None:
                self._cancelled.append(stream_id)
        if stream.body is not None:
            self._buffered -= len(stream.body)

    def _idle(self, stream_id: int) -> bool:
        """Whether a stream has not begun; those of even numbers never do (RFC 9113 section 5.1.1)."""
        return stream_id > self._last_id or not stream_id & 1

    def _note_gap(self, first: int, last: int) -> None:
        self._gaps[first] = last
        if len(self._gaps) > _REMEMBERED_GAPS:
            del self._gaps[next(iter(self._gaps))]

    # Time and the end

    def _arm(self, stream: Stream, due: float) -> None:
        self._timers.arm(stream, due)
        self.due = min(self.due, due)

    def _expire(self, now: float) -> None:
        if now >= self._handshake_due:
            raise ConnectionFault(ErrorCode.SETTINGS_TIMEOUT, "SETTINGS not acknowledged")
        if now >= self._drain_due:
            raise ConnectionFault(ErrorCode.NO_ERROR, "drained")
        for stream in self._timers.overdue(now):
            if stream.waits:
                self._budgets.faults.spend(now)
                self._reset(stream.id, ErrorCode.CANCEL)
                continue
            if stream.id not in self._receiving:
                self._cancelled.append(stream.id)
            self._reply(stream, _DEADLINE_EXCEEDED, now)
        if self._streams:
            self._quiet_since = now
        idle_due = self._quiet_since + self._limits.idle_seconds
        if now >= idle_due:
            self.drain(now)
            idle_due = inf
        self.due = min(self._handshake_due, self._drain_due, self._timers.next, idle_due)

    def _leave(self) -> None:
        """Take no more streams and say which was the last."""
        if not self._leaving:
            self._leaving = True
            self._outbox.write(frames.goaway(self._last_id, ErrorCode.NO_ERROR))

    def _end(self, fault: ConnectionFault) -> None:
        """End the connection now: every call that was given out is cancelled."""
        self.fault = fault
        self.closed = True
        for stream in tuple(self._streams.values()):
            self._drop(stream)
        self._tail = b""
        self._outbox.write(frames.goaway(self._last_id, fault.code, fault.text))
