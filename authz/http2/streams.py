"""The streams of one connection: requests coming in, calls given out, answers, and every way that one ends.

Frames have been taken apart before they come here, and time is told. A stream is in one of four states: its
request is coming in (`_receiving`), its call is given out, its answer waits for a window (`Stream.waits`), or
it is gone; gone ones are known by their number alone (RFC 9113 section 5.1).
"""

from collections.abc import Mapping
from math import inf
from typing import Final, NamedTuple

from authz.http2 import frames
from authz.http2.blocks import Blocks
from authz.http2.codes import ConnectionFault, ErrorCode, Status, StreamFault
from authz.http2.head import Malformed
from authz.http2.limits import Budgets, Limits
from authz.http2.outbox import Outbox
from authz.http2.stream import Stream, Timers
from authz.http2.unary import PREFIX_BYTES, NoMessage, Reply, read_message, refusal

_REMEMBERED_RESETS: Final = 4
"""Sets of concurrent streams whose late frames are let pass after we reset them."""
_REMEMBERED_GAPS: Final = 64
_NEXT: Final = 2
"""From one identifier of a client to the next."""
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


class Streams:
    """All streams of one connection."""

    __slots__ = (
        "_abandoned",
        "_blocks",
        "_budgets",
        "_buffered",
        "_calls",
        "_cancelled",
        "_gaps",
        "_limits",
        "_open",
        "_outbox",
        "_receiving",
        "_room",
        "_timers",
        "_unarmed",
        "due",
        "known_bound",
        "last_id",
        "leaving",
        "quiet_since",
    )

    def __init__(self, limits: Limits, budgets: Budgets, blocks: Blocks, outbox: Outbox, now: float) -> None:
        self._limits = limits
        self._budgets = budgets
        self._blocks = blocks
        self._outbox = outbox
        self._open: dict[int, Stream] = {}
        self._receiving: dict[int, Stream] = {}
        """Those of them whose request is not whole yet."""
        self._timers = Timers(self._open)
        self._unarmed: list[Stream] = []
        """Requests that began in this read."""
        self._abandoned: dict[int, None] = {}
        """Streams that we reset, and that the peer may not know of yet."""
        self._gaps: dict[int, int] = {}
        """Identifiers that were skipped: first to last."""
        self._calls: dict[int, Call] = {}
        """Calls of the present read, which can still be taken back."""
        self._cancelled: list[int] = []
        self._room = limits.connection_window
        self._buffered = 0
        self.last_id = 0
        """The last stream that began."""
        self.leaving = False
        """No more streams are taken."""
        self.known_bound = False
        """The peer has acknowledged how many it may open."""
        self.quiet_since = now
        """When a stream last began."""
        self.due = inf
        """No stream has to move on before this instant."""

    def __len__(self) -> int:
        return len(self._open)

    def taken(self) -> Received:
        """What has happened since it was last asked."""
        calls, cancelled = self._calls, self._cancelled
        self._calls, self._cancelled = {}, []
        return Received(list(calls.values()), cancelled)

    # What the peer says

    def begin(self, flags: int, stream_id: int, block: bytes, now: float) -> None:
        """A whole field block: a request begins, or something that the state of the stream decides."""
        if stream_id <= self.last_id or self.leaving or not stream_id & 1:
            self._late_block(flags, stream_id, block, now)
            return
        if stream_id - self.last_id > _NEXT:
            self._note_gap(self.last_id + 1, stream_id - 1)
        self.last_id = stream_id
        try:
            head = self._blocks.head(block)
        except Malformed as problem:
            raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR, str(problem)) from None
        if len(self._open) >= self._limits.concurrent_streams:
            # One too many: the peer's fault only if it knows how many it may open.
            if self.known_bound:
                self._budgets.faults.spend(now)
            self.reset(stream_id, ErrorCode.REFUSED_STREAM)
            return
        stream = Stream(stream_id, head, self._limits.stream_window, self._outbox.initial_window)
        if head.timeout is not None:
            stream.deadline = now + head.timeout
        self.quiet_since = now
        self._open[stream_id] = self._receiving[stream_id] = stream
        if flags & frames.END_STREAM:
            self._complete(stream, b"", now)
        else:
            self._unarmed.append(stream)

    def go_on(self, flags: int, stream_id: int, payload: bytes, now: float) -> None:
        """DATA."""
        size = len(payload)
        self._room -= size
        if self._room < 0:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "more than the window of the connection")
        stream = self._receiving.get(stream_id)
        if stream is None:
            self._stray(stream_id)
            return
        # INVARIANT: never below zero. A window is at least 65,535, a frame at most 16,384, and `_collect`
        # opens the window again at the half. What a stream may hold in memory is bounded by its message.
        stream.receive_window -= size
        if flags & frames.PADDED:
            payload = frames.unpadded(payload)
        if flags & frames.END_STREAM:
            self._complete(stream, payload, now)
        else:
            self._collect(stream, payload, now)

    def cancel(self, stream_id: int) -> None:
        """RST_STREAM."""
        stream = self._open.get(stream_id)
        if stream is not None:
            self._drop(stream)
        elif self._idle(stream_id):
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "RST_STREAM before its stream")

    def credit(self, stream_id: int, increment: int) -> None:
        """WINDOW_UPDATE."""
        if stream_id == 0:
            if increment == 0:
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
            for done in self._outbox.credit(increment):
                del self._open[done.id]
            return
        stream = self._open.get(stream_id)
        if stream is None:
            if self._idle(stream_id):
                raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE before its stream")
        elif increment == 0:
            raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR, "WINDOW_UPDATE of nothing")
        elif self._outbox.credit_stream(stream, increment):
            del self._open[stream_id]

    def resize(self, window: int) -> None:
        """SETTINGS_INITIAL_WINDOW_SIZE."""
        for done in self._outbox.resize(window, self._open.values()):
            del self._open[done.id]

    def is_open(self, stream_id: int) -> bool:
        """Whether a stream has begun and not ended."""
        return stream_id in self._open

    def settle(self, now: float) -> None:
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

    # What we say

    def answer(self, stream_id: int, message: bytes, now: float) -> None:
        """Answer a call with OK and a message, unless it is gone."""
        stream = self._open.get(stream_id)
        if stream is not None:
            if self._outbox.send_message(stream, message):
                del self._open[stream_id]
            else:
                self._arm(stream, now + self._limits.send_seconds)

    def fail(self, stream_id: int, status: Status, text: str, now: float) -> None:
        """Answer a call with a status only, unless it is gone."""
        stream = self._open.get(stream_id)
        if stream is not None:
            self._reply(stream, refusal(status, text), now)

    def wait(self, stream_id: int, now: float) -> None:
        """The answer to this call will come later: watch its deadline."""
        stream = self._open.get(stream_id)
        if stream is not None:
            due = now + self._limits.answer_seconds if stream.deadline is None else stream.deadline
            self._arm(stream, due)

    def expire(self, now: float) -> None:
        """End the streams that have not moved on in time."""
        for stream in self._timers.overdue(now):
            if stream.waits:
                self._budgets.faults.spend(now)
                self.reset(stream.id, ErrorCode.CANCEL)
                continue
            if stream.id not in self._receiving:
                self._cancelled.append(stream.id)
            self._reply(stream, _DEADLINE_EXCEEDED, now)
        self.due = self._timers.next

    def end(self) -> None:
        """End all of them: every call that was given out is cancelled."""
        for stream in tuple(self._open.values()):
            self._drop(stream)

    def reset(self, stream_id: int, code: ErrorCode) -> None:
        """End a stream from our side; what the peer has on its way for it is let pass."""
        stream = self._open.get(stream_id)
        if stream is not None:
            self._drop(stream)
        self._outbox.write(frames.reset(stream_id, code))
        self._abandoned[stream_id] = None
        if len(self._abandoned) > _REMEMBERED_RESETS * self._limits.concurrent_streams:
            del self._abandoned[next(iter(self._abandoned))]

    # States

    def _late_block(self, flags: int, stream_id: int, block: bytes, now: float) -> None:
        """A field block that begins no request that we take."""
        stream = self._receiving.get(stream_id)
        if stream is None:
            self._blocks.skip(block)
            self._stray(stream_id)
            return
        try:
            self._blocks.trailers(block)
        except Malformed as problem:
            raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR, str(problem)) from None
        if not flags & frames.END_STREAM:
            raise StreamFault(stream_id, ErrorCode.PROTOCOL_ERROR, "trailers that do not end the stream")
        self._complete(stream, b"", now)

    def _stray(self, stream_id: int) -> None:
        """HEADERS or DATA on a stream that is not receiving (RFC 9113 section 5.1)."""
        if stream_id in self._open:
            raise StreamFault(stream_id, ErrorCode.STREAM_CLOSED, "the request has ended")
        if stream_id in self._abandoned or (self.leaving and stream_id > self.last_id):
            return
        if self._idle(stream_id) or any(first <= stream_id <= last for first, last in self._gaps.items()):
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "the stream has not begun")
        raise ConnectionFault(ErrorCode.STREAM_CLOSED, "the stream has ended")

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
            self.reset(stream.id, ErrorCode.NO_ERROR)
        else:
            del self._open[stream.id]

    def _drop(self, stream: Stream) -> None:
        """Forget a stream; if its call has been given out, it is cancelled."""
        stream_id = stream.id
        del self._open[stream_id]
        if self._receiving.pop(stream_id, None) is None:
            if stream.waits:
                self._outbox.forget(stream)
            elif self._calls.pop(stream_id, None) is None:
                self._cancelled.append(stream_id)
        if stream.body is not None:
            self._buffered -= len(stream.body)

    def _arm(self, stream: Stream, due: float) -> None:
        self._timers.arm(stream, due)
        self.due = min(self.due, due)

    def _idle(self, stream_id: int) -> bool:
        """Whether a stream has not begun; those of even numbers never do (RFC 9113 section 5.1.1)."""
        return stream_id > self.last_id or not stream_id & 1

    def _note_gap(self, first: int, last: int) -> None:
        self._gaps[first] = last
        if len(self._gaps) > _REMEMBERED_GAPS:
            del self._gaps[next(iter(self._gaps))]
