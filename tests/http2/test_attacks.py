"""The attacks on HTTP/2 that have a name: each must end the connection before it costs us much."""

from collections.abc import Callable, Iterator
from itertools import count, islice
from typing import NamedTuple

import pytest

from authz.http2 import Connection, ErrorCode, Floods, Limits, Rate, frames
from tests.http2.wire import (
    block,
    call,
    connected,
    data,
    fields_with,
    goaway,
    headers,
    hear,
    message,
    replies,
)

STEP = 0.00001
"""Seconds between two frames: a rate that no honest peer keeps up."""


class Flood(NamedTuple):
    """Reads of a peer that never ends, and how many of them may be let pass."""

    reads: Callable[[], Iterator[bytes]]
    bound: int


def _streams() -> Iterator[int]:
    return count(5, 2)


FLOODS = {
    "rapid reset, CVE-2023-44487": Flood(
        lambda: (call(one) + frames.reset(one, ErrorCode.CANCEL) for one in _streams()), 2100
    ),
    "rapid reset before the message": Flood(
        lambda: (headers(one) + frames.reset(one, ErrorCode.CANCEL) for one in _streams()), 2100
    ),
    "MadeYouReset by an empty window update, CVE-2025-8671": Flood(
        lambda: (call(one) + frames.window_update(one, 0) for one in _streams()), 210
    ),
    "MadeYouReset by a window too large": Flood(
        lambda: (call(one) + frames.window_update(one, 2**31 - 1) for one in _streams()), 210
    ),
    "MadeYouReset by data after the end": Flood(
        lambda: (call(one) + data(one, b"") for one in _streams()), 210
    ),
    "MadeYouReset by headers after the end": Flood(
        lambda: (call(one) + headers(one, end=True) for one in _streams()), 210
    ),
    "MadeYouReset by a priority of a wrong size": Flood(
        lambda: (headers(one) + frames.frame(frames.PRIORITY, 0, one, b"") for one in _streams()), 210
    ),
    "MadeYouReset by malformed requests": Flood(
        lambda: (headers(one, block(fields_with((b"X", b"")))) for one in _streams()), 210
    ),
    "ping flood, CVE-2019-9512": Flood(
        lambda: (frames.frame(frames.PING, 0, 0, b"8 bytes.") for _ in count()), 510
    ),
    "settings flood, CVE-2019-9515": Flood(lambda: (frames.settings({}) for _ in count()), 110),
    "flood of acknowledgements": Flood(
        lambda: (frames.frame(frames.SETTINGS, frames.ACK, 0) for _ in count()), 110
    ),
    "empty frames, CVE-2019-9518": Flood(lambda: (data(3, b"", end=False) for _ in count()), 1110),
    "padding only, as empty": Flood(
        lambda: (frames.frame(frames.DATA, frames.PADDED, 3, b"\x02\x00\x00") for _ in count()), 1110
    ),
    "priority flood, CVE-2019-9513": Flood(
        lambda: (frames.frame(frames.PRIORITY, 0, one, b"\x00" * 5) for one in _streams()), 1110
    ),
    "frames of unknown kinds": Flood(lambda: (frames.frame(0xFA, 0, 0, b"x") for _ in count()), 1110),
    "goaway flood": Flood(lambda: (frames.goaway(0, ErrorCode.NO_ERROR) for _ in count()), 1110),
    "window updates": Flood(lambda: (frames.window_update(3, 1) for _ in count()), 60_000),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_the_connection(name: str) -> None:
    """ENHANCE_YOUR_CALM within the bound, with a read for every frame, and nothing is left to work on."""
    connection = connected()
    hear(connection, headers(3))
    given: set[int] = set()

    for at, read in enumerate(islice(FLOODS[name].reads(), FLOODS[name].bound)):
        received = hear(connection, read, now=at * STEP)
        given.update(one.stream_id for one in received.calls)
        given.difference_update(received.cancelled)
        if connection.closed:
            break
        connection.take()

    assert goaway(connection).code is ErrorCode.ENHANCE_YOUR_CALM
    assert given == set()


@pytest.mark.parametrize("name", [name for name in FLOODS if "window updates" not in name])
def test_a_flood_in_one_read_ends_the_connection(name: str) -> None:
    """The budget counts frames, not reads, and no call of such a read is given out."""
    connection = connected()

    received = hear(connection, headers(3), *islice(FLOODS[name].reads(), FLOODS[name].bound))

    assert goaway(connection).code is ErrorCode.ENHANCE_YOUR_CALM
    assert received == ([], [])


@pytest.mark.parametrize("name", [name for name in FLOODS if name != "goaway flood"])
def test_an_honest_rate_of_the_same_frames_is_served(name: str) -> None:
    """Deadlines pass, windows open, peers ping: none of it is an attack at one a second."""
    connection = connected()
    hear(connection, headers(3))

    for at, read in enumerate(islice(FLOODS[name].reads(), 150)):
        hear(connection, read, now=float(at))
        connection.take()

    assert not connection.closed


def test_a_flood_of_continuations_ends_the_connection() -> None:
    """CVE-2024-27316: a block that never ends must not be kept, whether its pieces are empty or full."""
    for piece, most in ((b"", 17), (b"x" * 16_384, 1)):
        connection = connected()
        hear(connection, frames.frame(frames.HEADERS, 0, 3, b""))
        sent = 0
        while not connection.closed:
            hear(connection, frames.frame(frames.CONTINUATION, 0, 3, piece))
            sent += 1

        assert sent <= most + 1
        assert goaway(connection).code is ErrorCode.ENHANCE_YOUR_CALM


def test_an_hpack_bomb_is_refused_without_being_unpacked() -> None:
    """CVE-2016-6581: 16 KiB that name one entry of 4 KiB over and over would be 64 MiB."""
    connection = connected(acknowledge=False)
    bomb = block() + block([(b"x-bomb", b"v" * 3900)], first=0x40) + b"\xbe" * 8000

    for stream_id in (1, 3):
        received = hear(
            connection,
            headers(stream_id, bomb if stream_id == 1 else block() + b"\xbe" * 9000),
            data(stream_id, message(b"a")),
        )
        assert received.calls == []
        (refused,) = replies(connection)
        assert b"header list too large" in refused.payload
    assert not connection.closed


def test_a_huffman_bomb_cannot_grow_beyond_its_block() -> None:
    """The shortest code has five bits: a string grows by 8/5 at most."""
    connection = connected()

    hear(
        connection, headers(3, block() + b"\x00\x01a\xff\x81\x7c" + b"\x00" * 16_000), data(3, message(b"a"))
    )

    (refused,) = replies(connection)
    assert b"header list too large" in refused.payload


def test_a_slow_reader_cannot_make_us_keep_its_answers() -> None:
    """CVE-2019-9517: requests without end and windows of nothing."""
    connection = connected(Limits(pending_bytes=100_000), window=0)

    for stream_id in range(3, 2003, 2):
        for one in hear(connection, call(stream_id)).calls:
            connection.answer(one.stream_id, b"x" * 1000, 0.0)
        if connection.closed:
            break

    assert stream_id < 250
    assert goaway(connection).code is ErrorCode.ENHANCE_YOUR_CALM


def test_a_slow_reader_below_the_cap_loses_its_streams_in_time() -> None:
    """CVE-2019-9511: a byte now and then does not keep a stream."""
    connection = connected(
        Limits(send_seconds=30, floods=Floods(faults=Rate(per_second=1, burst=50))), window=0
    )
    for stream_id in range(3, 203, 2):
        hear(connection, call(stream_id))
        connection.answer(stream_id, b"x" * 1000, 0.0)

    for at in range(30):
        hear(connection, frames.window_update(3, 1), now=float(at))
        connection.expire(float(at))
    assert not connection.closed
    connection.expire(30.0)

    assert connection.closed


def test_many_settings_in_one_frame_cost_one_change() -> None:
    """A frame with 2,730 changes of the window must not be applied 2,730 times to every stream."""
    connection = connected(window=0)
    for stream_id in range(3, 1003, 2):
        hear(connection, call(stream_id))
        connection.answer(stream_id, b"yes", 0.0)
    connection.take()
    change = bytes.fromhex("000400000001" + "000400000000") * 1365

    hear(connection, frames.frame(frames.SETTINGS, 0, 0, change))

    assert [one.kind for one in replies(connection)] == [frames.SETTINGS]


def test_requests_that_never_end_are_bounded_in_number_and_time() -> None:
    """Slowloris: streams that are opened and left alone are answered and forgotten."""
    limits = Limits(concurrent_streams=100, receive_seconds=30)
    connection = connected(limits)
    hear(connection, *(headers(one) for one in range(3, 303, 2)), now=1.0)
    refused = [one for one in replies(connection) if one.kind == frames.RST_STREAM]
    assert len(refused) == 50

    connection.expire(31.0)
    connection.take()

    assert len(hear(connection, call(1001), now=31.0).calls) == 1


def test_a_connection_that_says_nothing_is_let_go() -> None:
    """Half a preface holds a socket for the handshake's time only."""
    connection = Connection(Limits(handshake_seconds=10), 0.0)
    hear(connection, b"PRI * HTTP/2.0", now=9.0)

    connection.expire(10.0)

    assert connection.closed


def test_a_refused_stream_counts_only_once_the_bound_is_known() -> None:
    """Before it has read our SETTINGS a peer may open as many as it likes; afterwards it is its fault."""
    limits = Limits(concurrent_streams=1)
    before = connected(limits, acknowledge=False)
    hear(before, *(headers(one) for one in range(1, 1001, 2)))
    assert not before.closed

    after = connected(limits)
    hear(after, *(headers(one) for one in range(3, 1003, 2)))

    assert goaway(after).code is ErrorCode.ENHANCE_YOUR_CALM
