"""One stream as data, and when which stream must have left its state. Holds instants that it is told."""

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from math import inf
from typing import Final

from authz.http2.head import Head

_SLACK: Final = 64


class Stream:
    """One call: what has come, what may go, and until when it may stay as it is."""

    __slots__ = (
        "body",
        "deadline",
        "due",
        "head",
        "id",
        "pending",
        "receive_window",
        "received",
        "send_window",
        "sent",
        "trailers",
    )

    def __init__(self, stream_id: int, head: Head, receive_window: int, send_window: int) -> None:
        self.id = stream_id
        self.head = head
        self.body: bytearray | None = None
        """The request so far, once it has come in more than one piece."""
        self.received = 0
        """Bytes of DATA without padding."""
        self.receive_window = receive_window
        self.send_window = send_window
        self.deadline: float | None = None
        """When the caller stops waiting."""
        self.due: float | None = None
        """When the stream must have left the state that it is in."""
        self.pending = b""
        """DATA of the answer, where the windows did not take it at once."""
        self.sent = 0
        """How much of it has gone."""
        self.trailers = b""
        """Field block that follows it."""

    @property
    def waits(self) -> bool:
        """Whether an answer is waiting for a window."""
        return self.sent < len(self.pending)


class Timers:
    """The dues of all streams, soonest first. One that has changed or gone stays until it would have come."""

    __slots__ = ("_dues", "_streams")

    def __init__(self, streams: Mapping[int, Stream]) -> None:
        self._streams = streams
        self._dues: list[tuple[float, int]] = []

    def arm(self, stream: Stream, due: float) -> None:
        """The stream must have moved on by `due`; what was due before no longer is."""
        stream.due = due
        heappush(self._dues, (due, stream.id))
        if len(self._dues) > _SLACK + 2 * len(self._streams):
            self._dues = [(one.due, one.id) for one in self._streams.values() if one.due is not None]
            heapify(self._dues)

    def overdue(self, now: float) -> list[Stream]:
        """The streams that should have moved on by now."""
        found = []
        while self._dues and self._dues[0][0] <= now:
            due, stream_id = heappop(self._dues)
            stream = self._streams.get(stream_id)
            if stream is not None and stream.due == due:
                stream.due = None  # it may have been armed twice for the same instant
                found.append(stream)
        return found

    @property
    def next(self) -> float:
        """No stream is due before this instant."""
        return self._dues[0][0] if self._dues else inf
