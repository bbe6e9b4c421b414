"""When which stream must have left its state. Holds instants that others give it; reads no clock."""

from collections.abc import Mapping
from heapq import heapify, heappop, heappush
from math import inf
from typing import Final

from authz.http2.outbox import Stream

_SLACK: Final = 64


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
                found.append(stream)
        return found

    @property
    def next(self) -> float:
        """No stream is due before this instant."""
        return self._dues[0][0] if self._dues else inf
