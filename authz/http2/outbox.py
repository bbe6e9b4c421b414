"""What leaves a connection: answers within the peer's flow-control windows (RFC 9113 section 5.2).

Holds the sending half of every stream and nothing of requests. An answer that the windows take whole becomes
bytes at once; any other waits here until they open.
"""

import struct
from collections.abc import Iterable
from typing import Final

from authz.http2 import frames
from authz.http2.codes import ConnectionFault, ErrorCode, StreamFault
from authz.http2.stream import Stream
from authz.http2.unary import ANSWER_HEAD, ANSWER_TRAILERS, PREFIX_BYTES, Reply, answer

_HEAD_PART: Final = bytes((0, 0, len(ANSWER_HEAD), frames.HEADERS, frames.END_HEADERS))
_TRAILERS_PART: Final = bytes(
    (0, 0, len(ANSWER_TRAILERS), frames.HEADERS, frames.END_HEADERS | frames.END_STREAM)
)
_BEFORE_MESSAGE: Final = struct.Struct(f">5sI{len(ANSWER_HEAD)}sHBHIBI")
"""HEADERS, the head of DATA, and gRPC's prefix."""
_AFTER_MESSAGE: Final = struct.Struct(f">5sI{len(ANSWER_TRAILERS)}s")


class Outbox:
    """Bytes for the peer, and the answers that its windows hold back."""

    __slots__ = ("_limit", "_parts", "_pending_bytes", "_ready", "_window", "frame_size", "initial_window")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        # Streams whose own window is open and that wait for the connection's. One that waits for its own is
        # not here, so opening the connection's window costs no more than the bytes that it lets through.
        self._ready: dict[int, Stream] = {}
        self._pending_bytes = 0
        self._window = frames.DEFAULT_WINDOW
        self.frame_size = frames.DEFAULT_FRAME_SIZE
        self.initial_window = frames.DEFAULT_WINDOW

    def take(self) -> bytes:
        """Everything that can be sent now."""
        parts = self._parts
        if not parts:
            return b""
        self._parts = []
        return b"".join(parts)

    def write(self, data: bytes) -> None:
        """Send frames that no window holds back."""
        self._parts.append(data)

    def send_message(self, stream: Stream, message: bytes) -> bool:
        """Send OK and `message`; gives whether the stream is done."""
        size = len(message) + PREFIX_BYTES
        if size > self._window or size > stream.send_window or size > self.frame_size:
            return self.send(stream, answer(message))
        self._window -= size
        stream_id = stream.id
        self._parts += (
            _BEFORE_MESSAGE.pack(
                _HEAD_PART, stream_id, ANSWER_HEAD, size >> 8, size & 0xFF, 0, stream_id, 0, len(message)
            ),
            message,
            _AFTER_MESSAGE.pack(_TRAILERS_PART, stream_id, ANSWER_TRAILERS),
        )
        return True

    def send(self, stream: Stream, reply: Reply) -> bool:
        """Send any answer; gives whether the stream is done.

        Raises:
            ConnectionFault: More answers wait than the peer may leave waiting.
        """
        flags = frames.END_HEADERS if reply.body else frames.END_HEADERS | frames.END_STREAM
        self._parts.append(frames.frame(frames.HEADERS, flags, stream.id, reply.head))
        if not reply.body:
            return True
        stream.pending, stream.trailers = reply.body, reply.trailers
        self._pending_bytes += len(reply.body)
        if self._push(stream):
            return True
        if self._pending_bytes > self._limit:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "answers are not being read")
        return False

    def forget(self, stream: Stream) -> None:
        """Drop what a stream still had to send."""
        if stream.waits:
            self._pending_bytes -= len(stream.pending)
            stream.sent = len(stream.pending)
            self._ready.pop(stream.id, None)

    def credit(self, increment: int) -> list[Stream]:
        """The peer opened the window of the connection; gives the streams that are done by that.

        Raises:
            ConnectionFault: The window would be larger than a window can be.
        """
        self._window += increment
        if self._window > frames.LARGEST_WINDOW:
            raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "window of the connection too large")
        done = []
        while self._ready and self._window > 0:
            stream = self._ready.pop(next(iter(self._ready)))
            if self._push(stream):
                done.append(stream)
        return done

    def credit_stream(self, stream: Stream, increment: int) -> bool:
        """The peer opened the window of a stream; gives whether it is done by that.

        Raises:
            StreamFault: The window would be larger than a window can be.
        """
        stream.send_window += increment
        if stream.send_window > frames.LARGEST_WINDOW:
            raise StreamFault(stream.id, ErrorCode.FLOW_CONTROL_ERROR, "window of the stream too large")
        return stream.waits and self._push(stream)

    def resize(self, initial_window: int, streams: Iterable[Stream]) -> list[Stream]:
        """The peer changed the size that windows start with (section 6.9.2); gives the streams done by that.

        Raises:
            ConnectionFault: A window would be larger than a window can be.
        """
        change = initial_window - self.initial_window
        self.initial_window = initial_window
        done = []
        for stream in streams:
            stream.send_window += change
            if stream.send_window > frames.LARGEST_WINDOW:
                raise ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "window of a stream too large")
            if stream.waits and self._push(stream):
                done.append(stream)
        return done

    def _push(self, stream: Stream) -> bool:
        """Send as much of a stream as the windows take; gives whether that was all."""
        start, end = stream.sent, len(stream.pending)
        room = min(self._window, stream.send_window)
        while start < end and room > 0:
            size = min(end - start, room, self.frame_size)
            last = start + size == end and not stream.trailers
            data = stream.pending[start : start + size]
            self._parts.append(frames.frame(frames.DATA, frames.END_STREAM if last else 0, stream.id, data))
            start += size
            room -= size
        sent = start - stream.sent
        stream.sent = start
        stream.send_window -= sent
        self._window -= sent
        if start < end:
            if stream.send_window > 0:
                self._ready[stream.id] = stream
            else:
                self._ready.pop(stream.id, None)
            return False
        self._ready.pop(stream.id, None)
        self._pending_bytes -= end
        if stream.trailers:
            flags = frames.END_HEADERS | frames.END_STREAM
            self._parts.append(frames.frame(frames.HEADERS, flags, stream.id, stream.trailers))
        return True
