"""Dues of streams: soonest first, the last one counts."""

from math import inf

from authz.http2.head import Head
from authz.http2.stream import Stream, Timers


def stream(stream_id: int) -> Stream:
    """A stream that asks nothing."""
    return Stream(stream_id, Head(path="/", metadata={}), 0, 0)


def test_streams_are_overdue_in_the_order_of_their_dues() -> None:
    """And each once."""
    streams = {one: stream(one) for one in (1, 3, 5)}
    timers = Timers(streams)
    for stream_id, due in ((1, 3.0), (3, 1.0), (5, 2.0)):
        timers.arm(streams[stream_id], due)

    assert timers.next == 1.0
    assert [one.id for one in timers.overdue(2.5)] == [3, 5]
    assert [one.id for one in timers.overdue(9.0)] == [1]
    assert (timers.next, timers.overdue(99.0)) == (inf, [])


def test_a_due_that_changed_or_went_is_not_met() -> None:
    """A stream that moved on has a new due or none, and one that ended has gone."""
    streams = {one: stream(one) for one in (1, 3, 5)}
    timers = Timers(streams)
    for one in streams.values():
        timers.arm(one, 1.0)
    timers.arm(streams[1], 5.0)
    streams[3].due = None
    del streams[5]

    assert timers.overdue(4.0) == []
    assert [one.id for one in timers.overdue(5.0)] == [1]


def test_a_stream_that_was_armed_twice_for_one_instant_is_overdue_once() -> None:
    """The deadline of a call may be watched while it comes in and again while it waits."""
    streams = {1: stream(1)}
    timers = Timers(streams)
    timers.arm(streams[1], 1.0)
    timers.arm(streams[1], 1.0)

    assert [one.id for one in timers.overdue(1.0)] == [1]


def test_dues_of_streams_that_ended_do_not_pile_up() -> None:
    """A busy connection arms a due for every call that waits, and hardly one is ever met."""
    streams: dict[int, Stream] = {}
    timers = Timers(streams)
    for at in range(10_000):
        streams[at] = stream(at)
        timers.arm(streams[at], float(at))
        streams.pop(at - 5, None)

    assert timers.next >= 10_000 - 100
