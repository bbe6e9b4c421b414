"""Whatever a peer sends: nothing is raised, nothing is invented, and what is sent back is sound HTTP/2."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from authz.http2 import Connection, ErrorCode, Limits, frames
from tests.http2.wire import block, call, connected, data, headers, message, split

LIMITS = Limits(
    concurrent_streams=3,
    message_bytes=200,
    buffered_bytes=400,
    header_list_bytes=600,
    pending_bytes=500,
    stream_window=65_535,
    connection_window=65_535,
)
stream_ids = st.sampled_from([0, 1, 2, 3, 5, 7, 9, 2**31 - 1])
payloads = (
    st.binary(max_size=40)
    | st.sampled_from([block(), message(b"a"), message(b"a")[:4], b"\x20" + block(), block()[:30]])
    | st.integers(0, 2**32 - 1).map(lambda value: value.to_bytes(4, "big"))
    | st.integers(0, 2**64 - 1).map(lambda value: value.to_bytes(8, "big"))
)
frame_bytes = st.builds(frames.frame, st.integers(0, 11), st.integers(0, 255), stream_ids, payloads)
sound = st.sampled_from([1, 3, 5, 7]).flatmap(
    lambda one: st.sampled_from(
        [call(one), headers(one), data(one, message(b"b")), data(one, b"", end=False)]
    )
)


def run(connection: Connection, reads: list[bytes]) -> None:
    """Feed a connection, answer or leave its calls, and check what it says."""
    open_calls: set[int] = set()
    sent = b""
    for at, read in enumerate(reads):
        received = connection.receive(read, float(at))
        assert open_calls.issuperset(received.cancelled)
        open_calls.difference_update(received.cancelled)
        for one in received.calls:
            assert one.stream_id not in open_calls
            if one.stream_id % 4 == 1:
                connection.wait(one.stream_id, float(at))
                open_calls.add(one.stream_id)
            else:
                connection.answer(one.stream_id, one.message * 3, float(at))
        if connection.closed:
            assert received.calls == []
        if at % 5 == 4:
            gone = connection.expire(float(at))
            assert open_calls.issuperset(gone)
            open_calls.difference_update(gone)
        sent += connection.take()
    for stream_id in open_calls:
        connection.answer(stream_id, b"x", 1.0)
    connection.drain(2.0)
    sent += connection.take()
    last = split(sent)
    assert all(len(one.payload) <= 2**14 for one in last)
    if connection.closed:
        assert last[-1].kind == frames.GOAWAY


@given(st.lists(st.binary(max_size=60), max_size=8))
def test_any_bytes_from_the_start(reads: list[bytes]) -> None:
    """Before a preface."""
    run(Connection(LIMITS, 0.0), reads)


@given(st.lists(st.binary(max_size=60), max_size=8), st.booleans())
def test_any_bytes_after_hello(reads: list[bytes], acknowledged: bool) -> None:  # noqa: FBT001 - drawn
    """Within a connection."""
    run(connected(LIMITS, acknowledge=acknowledged), reads)


@settings(max_examples=400)
@given(st.lists(frame_bytes | sound, max_size=40), st.booleans(), st.sampled_from([0, 10, 65_535]))
def test_any_frames_after_hello(reads: list[bytes], acknowledged: bool, window: int) -> None:  # noqa: FBT001 - drawn
    """Frames of every kind, flag and stream, among sound calls."""
    run(connected(LIMITS, acknowledge=acknowledged, window=window), reads)


@given(st.lists(frame_bytes | sound, max_size=20), st.lists(st.integers(1, 60), min_size=1, max_size=10))
def test_how_the_bytes_are_cut_into_reads_changes_nothing(parts: list[bytes], cuts: list[int]) -> None:
    """A connection hears a stream of bytes; the calls of a read differ only by resets that came with them."""
    whole, cut = connected(LIMITS), connected(LIMITS)
    sent = b"".join(parts)

    whole.receive(sent, 0.0)
    at = turn = 0
    while at < len(sent):
        size = cuts[turn % len(cuts)]
        cut.receive(sent[at : at + size], 0.0)
        at, turn = at + size, turn + 1

    assert whole.closed == cut.closed
    if whole.fault is not None:
        assert cut.fault is not None
        assert (whole.fault.code, whole.fault.text) == (cut.fault.code, cut.fault.text)


CONNECTION_LIVES = st.builds(
    frames.frame,
    st.sampled_from([0, 1, 2, 3, 4, 6, 8, 11]),
    st.integers(0, 255).map(lambda flags: flags | frames.END_HEADERS),
    st.sampled_from([1, 3, 5, 7, 9]),
    payloads,
)


@settings(max_examples=400)
@given(st.lists(CONNECTION_LIVES | sound, max_size=40), st.sampled_from([0, 10, 65_535]))
def test_a_sound_call_is_served_whatever_came_before(reads: list[bytes], window: int) -> None:
    """Streams that were cut off, refused or reset leave nothing behind that counts against later ones."""
    limits = replace(LIMITS, buffered_bytes=len(message(b"x" * 200)))
    connection = connected(limits, window=window)
    begun = {1}
    for at, read in enumerate(reads):
        for one in connection.receive(read, float(at)).calls:
            connection.answer(one.stream_id, one.message, float(at))
        begun.update(one.stream_id for one in split(read) if one.kind == frames.HEADERS)
    resets = b"".join(frames.reset(one, ErrorCode.CANCEL) for one in begun)
    whole = message(b"x" * 200)

    connection.receive(resets, 50.0)
    pieces = (headers(101), data(101, whole[:150], end=False), data(101, whole[150:]))
    calls = [one for piece in pieces for one in connection.receive(piece, 50.0).calls]

    assert connection.closed or [one.message for one in calls] == [b"x" * 200]
