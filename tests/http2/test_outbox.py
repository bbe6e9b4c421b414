"""The sending half: windows are never exceeded, and nothing is sent twice or lost."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.http2 import ErrorCode, frames, unary
from authz.http2.codes import ConnectionFault
from authz.http2.head import Head
from authz.http2.outbox import Outbox
from authz.http2.stream import Stream
from tests.http2.wire import message, split

HEAD = Head(path="/", metadata={})
windows = st.integers(0, 60)


def test_the_short_way_and_the_long_way_send_the_same() -> None:
    """An answer that fits is packed at once; the bytes must not differ."""
    short, long = Outbox(1000), Outbox(1000)

    assert short.send_message(Stream(7, HEAD, 0, 1000), b"yes")
    assert long.send(Stream(7, HEAD, 0, 1000), unary.answer(b"yes"))
    assert short.take() == long.take()
    assert short.take() == b""


def test_an_answer_that_waits_beyond_the_cap_ends_the_connection() -> None:
    """And one that is forgotten makes room."""
    outbox = Outbox(100)
    first = Stream(1, HEAD, 0, 0)
    assert not outbox.send_message(first, b"x" * 90)
    outbox.forget(first)
    outbox.forget(first)
    assert not outbox.send_message(Stream(3, HEAD, 0, 0), b"x" * 90)

    with pytest.raises(ConnectionFault) as caught:
        outbox.send_message(Stream(5, HEAD, 0, 0), b"x" * 90)

    assert caught.value.code is ErrorCode.ENHANCE_YOUR_CALM


class Peer:
    """Reads what is sent and holds it to the windows that it granted."""

    def __init__(self, streams: Iterable[int], window: int) -> None:
        self.room = dict.fromkeys(streams, window)
        self.arrived = dict.fromkeys(self.room, b"")
        self.ended: list[int] = []

    def read(self, sent: bytes) -> None:
        """Some more frames."""
        for one in split(sent):
            if one.kind == frames.DATA and one.payload:
                self.arrived[one.stream_id] += one.payload
                self.room[one.stream_id] -= len(one.payload)
                assert self.room[one.stream_id] >= 0
            if one.flags & frames.END_STREAM:
                assert one.payload == unary.ANSWER_TRAILERS
                self.ended.append(one.stream_id)


@given(
    st.lists(st.binary(max_size=80), min_size=1, max_size=5),
    windows,
    st.lists(st.tuples(st.integers(-1, 4), windows), max_size=30),
)
def test_windows_hold_and_everything_arrives(
    contents: list[bytes], start: int, grants: list[tuple[int, int]]
) -> None:
    """Whatever is granted in whatever order: data within the windows, whole and in order, then the status."""
    outbox = Outbox(10_000)
    outbox.initial_window = start
    streams = [Stream(at, HEAD, 0, start) for at in range(len(contents))]
    peer = Peer(range(len(contents)), start)
    going = {one.id: one for one in streams if not outbox.send_message(one, contents[one.id])}
    peer.read(outbox.take())

    for which, grant in [*grants, *((at, 1000) for at in range(len(contents)))]:
        if which == -1:
            peer.room = {at: left + grant - outbox.initial_window for at, left in peer.room.items()}
            for one in outbox.resize(grant, tuple(going.values())):
                del going[one.id]
        elif which in going:
            peer.room[which] += grant
            if outbox.credit_stream(going[which], grant):
                del going[which]
        peer.read(outbox.take())

    assert (going, sorted(peer.ended)) == ({}, list(range(len(contents))))
    assert list(peer.arrived.values()) == [message(content) for content in contents]
