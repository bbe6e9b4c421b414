"""RFC 9113, by section, against the server's end of a connection. The peer is written by hand."""

import pytest

from authz.http2 import Connection, ErrorCode, Limits, Status, frames, unary
from authz.http2.streams import Call
from tests.http2.wire import (
    CHECK,
    SHRINK,
    Frame,
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
    split,
)

ANSWER = unary.answer(b"yes")


def whole_answer(stream_id: int) -> list[Frame]:
    """The frames of OK and `yes`."""
    return [
        Frame(frames.HEADERS, frames.END_HEADERS, stream_id, ANSWER.head),
        Frame(frames.DATA, 0, stream_id, ANSWER.body),
        Frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream_id, ANSWER.trailers),
    ]


def only_status(frame: Frame) -> Status:
    """The gRPC status of an answer that is nothing else."""
    assert frame.kind == frames.HEADERS
    assert frame.flags == frames.END_HEADERS | frames.END_STREAM
    _, _, rest = frame.payload.partition(b"grpc-status")
    return Status(int(rest[1 : 1 + rest[0]]))


# Section 3.4, the preface


def test_the_server_says_hello_first() -> None:
    """SETTINGS must be its first frame; ours announces no table, so that blocks carry no state."""
    limits = Limits()
    connection = Connection(limits, 0.0)

    settings, window = replies(connection)

    assert frames.read_settings(settings.payload) == {
        frames.HEADER_TABLE_SIZE: 0,
        frames.MAX_CONCURRENT_STREAMS: limits.concurrent_streams,
        frames.INITIAL_WINDOW_SIZE: limits.stream_window,
        frames.MAX_HEADER_LIST_SIZE: limits.header_list_bytes,
    }
    assert int.from_bytes(window.payload, "big") + 65_535 == limits.connection_window


def test_the_preface_may_come_in_pieces() -> None:
    """A read ends where the network likes."""
    connection = Connection(Limits(), 0.0)

    for at in range(len(frames.PREFACE)):
        hear(connection, frames.PREFACE[at : at + 1])
    assert hear(connection, frames.settings({}), call(1)).calls == [Call(1, CHECK, {}, b"ask")]


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 40, b"PRI * HTTP/2.0\r\n\r\nXX"])
def test_whoever_does_not_speak_http2_is_let_go(sent: bytes) -> None:
    """Section 3.4: a connection error of type PROTOCOL_ERROR."""
    connection = Connection(Limits(), 0.0)

    hear(connection, sent)

    assert goaway(connection).code is ErrorCode.PROTOCOL_ERROR


@pytest.mark.parametrize(
    "first", [frames.frame(frames.PING, 0, 0, b"8 bytes."), frames.frame(frames.SETTINGS, 1, 0), call(1)]
)
def test_the_first_frame_must_be_settings(first: bytes) -> None:
    """Section 3.4."""
    connection = Connection(Limits(), 0.0)

    assert hear(connection, frames.PREFACE, first).calls == []
    assert goaway(connection).code is ErrorCode.PROTOCOL_ERROR


# Calls


def test_a_call_is_given_out_and_answered() -> None:
    """The whole way of a unary call."""
    connection = connected()

    assert hear(connection, call(3)).calls == [Call(3, CHECK, {}, b"ask")]
    connection.answer(3, b"yes", 0.0)

    assert replies(connection) == whole_answer(3)


def test_a_read_gives_all_its_calls_and_their_answers_leave_together() -> None:
    """What makes a batch; answers may come in any order."""
    connection = connected()

    calls = hear(connection, headers(3), headers(5), data(5, message(b"b")), data(3, message(b"a"))).calls
    for one in calls:
        connection.answer(one.stream_id, b"yes", 0.0)

    assert [(one.stream_id, one.message) for one in calls] == [(5, b"b"), (3, b"a")]
    assert replies(connection) == whole_answer(5) + whole_answer(3)


def test_a_message_may_come_in_many_frames_and_reads() -> None:
    """DATA frames have nothing to do with messages."""
    connection = connected()
    sent = headers(3) + b"".join(data(3, bytes((one,)), end=False) for one in message(b"ask")) + data(3, b"")

    calls = [one for at in range(len(sent)) for one in hear(connection, sent[at : at + 1]).calls]

    assert calls == [Call(3, CHECK, {}, b"ask")]


def test_trailers_end_a_request() -> None:
    """Section 8.1: a field block after the data, which says nothing to us."""
    connection = connected()

    sent = headers(3) + data(3, message(b"ask"), end=False) + headers(3, block([(b"x-sum", b"1")]), end=True)

    assert hear(connection, sent).calls == [Call(3, CHECK, {}, b"ask")]


def test_a_refused_call_gets_its_status() -> None:
    """`fail` is how a transport says INTERNAL or UNIMPLEMENTED."""
    connection = connected()
    hear(connection, call(3))

    connection.fail(3, Status.UNIMPLEMENTED, "unknown method", 0.0)

    assert [only_status(one) for one in replies(connection)] == [Status.UNIMPLEMENTED]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (headers(3, end=True), Status.UNIMPLEMENTED),
        (headers(3) + data(3, b"\x01" + message(b"a")[1:]), Status.UNIMPLEMENTED),
        (headers(3) + data(3, message(b"ask")[:-1]), Status.INTERNAL),
        (
            headers(3, block(fields_with((b"grpc-timeout", b"0S")))) + data(3, message(b"a")),
            Status.DEADLINE_EXCEEDED,
        ),
        (
            headers(3, block(fields_with((b"x-big", b"v" * 16_100)))) + data(3, message(b"a")),
            Status.RESOURCE_EXHAUSTED,
        ),
    ],
    ids=["no message", "compressed", "cut short", "too late", "too many headers"],
)
def test_requests_that_are_no_calls_are_answered_without_one(sent: bytes, status: Status) -> None:
    """The handler never sees them, and the caller gets a gRPC status."""
    connection = connected()

    assert hear(connection, sent).calls == []
    assert [only_status(one) for one in replies(connection)] == [status]


def test_what_is_no_grpc_gets_an_answer_in_http() -> None:
    """Headers and a body, under flow control like any other."""
    connection = connected()

    hear(connection, headers(3, block([(b":method", b"GET"), *fields_with(without=[b":method"])]), end=True))

    head, body = replies(connection)
    assert b"405" in head.payload
    assert (body.flags, body.payload) == (frames.END_STREAM, b"this server speaks gRPC only\n")


@pytest.mark.parametrize("announced", [101, 2**32 - 1])
def test_a_message_too_large_is_refused_before_it_has_come(announced: int) -> None:
    """Its length stands at its start. The rest need not be sent, and what is on its way is let pass."""
    connection = connected(Limits(message_bytes=100))

    hear(connection, headers(3), data(3, b"\x00" + announced.to_bytes(4, "big"), end=False))
    refused, reset = replies(connection)
    assert only_status(refused) is Status.RESOURCE_EXHAUSTED
    assert reset.code is ErrorCode.NO_ERROR
    hear(connection, data(3, b"late", end=False), data(3, b"late"), call(5))

    assert not connection.closed


def test_a_message_too_large_in_one_frame_is_refused() -> None:
    """The limit holds on the short way too."""
    connection = connected(Limits(message_bytes=100))

    assert hear(connection, call(3, b"x" * 101), call(5, b"x" * 100)).calls == [
        Call(5, CHECK, {}, b"x" * 100)
    ]
    assert [only_status(one) for one in replies(connection)] == [Status.RESOURCE_EXHAUSTED]


def test_unfinished_messages_have_a_limit_together() -> None:
    """Many streams that never end must not fill the memory; those within the limit go on."""
    connection = connected(Limits(buffered_bytes=1000))
    part = message(b"x" * 900)[:400]

    hear(connection, *(headers(one) + data(one, part, end=False) for one in (3, 5, 7)))

    refused, reset = replies(connection)
    assert (refused.stream_id, only_status(refused)) == (7, Status.RESOURCE_EXHAUSTED)
    assert reset.stream_id == 7
    assert len(hear(connection, data(3, b"x" * 505), data(5, b"x" * 505)).calls) == 2
    assert len(hear(connection, headers(9), data(9, part, end=False), data(9, b"x" * 505)).calls) == 1


# Section 4.2, frame size


def test_a_frame_larger_than_we_take_ends_the_connection() -> None:
    """Section 4.2."""
    connection = connected()

    hear(connection, headers(3), data(3, b"x" * 16_385))

    assert goaway(connection).code is ErrorCode.FRAME_SIZE_ERROR


def test_a_frame_of_the_largest_size_is_taken() -> None:
    """2^14 bytes: every peer may send it."""
    connection = connected()

    assert hear(connection, call(3, b"x" * 16_379)).calls == [Call(3, CHECK, {}, b"x" * 16_379)]


@pytest.mark.parametrize(
    ("kind", "stream_id", "size"),
    [
        (frames.PING, 0, 7),
        (frames.RST_STREAM, 3, 3),
        (frames.WINDOW_UPDATE, 0, 5),
        (frames.SETTINGS, 0, 5),
        (frames.GOAWAY, 0, 7),
        (frames.PRIORITY, 9, 4),
    ],
)
def test_frames_of_a_wrong_size_end_the_connection(kind: int, stream_id: int, size: int) -> None:
    """Section 6, each of its kinds."""
    connection = connected()

    hear(connection, headers(3), frames.frame(kind, 0, stream_id, b"\x01" * size))

    assert goaway(connection).code is ErrorCode.FRAME_SIZE_ERROR


def test_a_priority_of_a_wrong_size_ends_its_stream() -> None:
    """Section 6.3: a stream error, where there is a stream."""
    connection = connected()

    hear(connection, headers(3), frames.frame(frames.PRIORITY, 0, 3, b"\x00" * 4))

    assert [one.code for one in replies(connection)] == [ErrorCode.FRAME_SIZE_ERROR]


def test_headers_too_short_for_their_priority_end_the_connection() -> None:
    """Section 6.2."""
    connection = connected()

    hear(connection, frames.frame(frames.HEADERS, frames.END_HEADERS | frames.PRIORITISED, 3, b"\x00" * 4))

    assert goaway(connection).code is ErrorCode.FRAME_SIZE_ERROR


# Section 5.1, stream states; section 5.4, errors


@pytest.mark.parametrize(
    "sent",
    [
        data(3, b""),
        data(0, b""),
        data(2, b""),
        headers(2, end=True),
        headers(0, end=True),
        frames.frame(frames.HEADERS, 0, 0, b""),
        frames.reset(3, ErrorCode.CANCEL),
        frames.reset(0, ErrorCode.CANCEL),
        frames.window_update(3, 1),
        frames.frame(frames.CONTINUATION, frames.END_HEADERS, 3, block()),
        frames.frame(frames.PUSH_PROMISE, frames.END_HEADERS, 1, b"\x00\x00\x00\x02" + block()),
        frames.frame(frames.PRIORITY, 0, 0, b"\x00" * 5),
        frames.frame(frames.PRIORITY, 0, 3, b"\x00\x00\x00\x03\x00"),
        frames.frame(
            frames.HEADERS, frames.END_HEADERS | frames.PRIORITISED, 3, b"\x00\x00\x00\x03\x00" + block()
        ),
        frames.frame(frames.PING, 0, 3, b"8 bytes."),
        frames.frame(frames.SETTINGS, 0, 3),
        frames.frame(frames.GOAWAY, 0, 3, b"\x00" * 8),
        frames.window_update(0, 0),
        headers(7) + headers(5),
    ],
)
def test_frames_that_no_state_allows_end_the_connection(sent: bytes) -> None:
    """Sections 5.1, 5.1.1, 6: PROTOCOL_ERROR, and no call of that read is given out."""
    connection = connected()

    assert hear(connection, sent, call(9)).calls == []
    assert goaway(connection).code is ErrorCode.PROTOCOL_ERROR


def test_acknowledgements_carry_nothing() -> None:
    """Section 6.5: a payload makes it a FRAME_SIZE_ERROR."""
    connection = connected()

    hear(connection, frames.frame(frames.SETTINGS, frames.ACK, 0, b"\x00" * 6))

    assert goaway(connection).code is ErrorCode.FRAME_SIZE_ERROR


@pytest.mark.parametrize("late", [data(3, b""), headers(3, end=True)], ids=["data", "headers"])
def test_a_request_that_has_ended_cannot_go_on(late: bytes) -> None:
    """Section 5.1, half-closed (remote): STREAM_CLOSED for the stream, whose call is cancelled."""
    connection = connected()
    hear(connection, call(3))

    assert hear(connection, late).cancelled == [3]
    assert [(one.kind, one.code) for one in replies(connection)] == [
        (frames.RST_STREAM, ErrorCode.STREAM_CLOSED)
    ]


@pytest.mark.parametrize("late", [data(3, b""), headers(3, end=True)], ids=["data", "headers"])
@pytest.mark.parametrize("how", ["answered", "reset"])
def test_a_closed_stream_cannot_go_on(late: bytes, how: str) -> None:
    """Section 5.1, closed: STREAM_CLOSED for the connection."""
    connection = connected()
    hear(connection, call(3), *([frames.reset(3, ErrorCode.CANCEL)] if how == "reset" else []))
    connection.answer(3, b"yes", 0.0)
    connection.take()

    hear(connection, late)

    assert goaway(connection).code is ErrorCode.STREAM_CLOSED


@pytest.mark.parametrize(
    "late",
    [frames.reset(3, ErrorCode.CANCEL), frames.window_update(3, 1), frames.frame(2, 0, 3, b"\x00" * 5)],
)
def test_frames_that_may_cross_an_answer_are_let_pass(late: bytes) -> None:
    """Section 5.1, closed: the peer could not know."""
    connection = connected()
    hear(connection, call(3))
    connection.answer(3, b"yes", 0.0)
    connection.take()

    hear(connection, late)

    assert not connection.closed
    assert replies(connection) == []


def test_frames_for_a_stream_that_we_reset_are_let_pass() -> None:
    """Section 5.1: they were on their way; their blocks and windows still count."""
    connection = connected(acknowledge=False)
    hear(connection, headers(1, block(fields_with((b"X", b"1")))))
    assert [one.code for one in replies(connection)] == [ErrorCode.PROTOCOL_ERROR]

    hear(connection, data(1, b"late", end=False), headers(1, block([(b"x-a", b"1")], first=0x40), end=True))

    assert not connection.closed
    second = hear(connection, headers(3, block() + b"\xbe"), data(3, message(b"a"))).calls
    assert [one.metadata for one in second] == [{"x-a": "1"}]


@pytest.mark.parametrize(
    "fields",
    [fields_with((b"X", b"1")), fields_with((b"content-length", b"9"))],
    ids=["upper case", "content-length"],
)
def test_a_malformed_request_ends_its_stream_only(fields: tuple[tuple[bytes, bytes], ...]) -> None:
    """Section 8.1.1; no call was given out, so none is cancelled."""
    connection = connected()

    received = hear(connection, headers(3, block(fields)), data(3, message(b"a")), call(5))

    assert ([one.stream_id for one in received.calls], received.cancelled) == ([5], [])
    assert [(one.stream_id, one.code) for one in replies(connection)] == [(3, ErrorCode.PROTOCOL_ERROR)]


def test_a_content_length_that_is_right_is_taken() -> None:
    """Counted over all frames, padding left out."""
    connection = connected()
    sent = message(b"ask")
    padded = frames.frame(frames.DATA, frames.PADDED, 3, b"\x02" + sent[:4] + b"\x00\x00")

    received = hear(
        connection, headers(3, block(fields_with((b"content-length", b"8")))), padded, data(3, sent[4:])
    )

    assert [one.message for one in received.calls] == [b"ask"]


@pytest.mark.parametrize(
    "trailers", [headers(3, block([(b":path", b"/")]), end=True), headers(3, block([(b"a", b"b")]))]
)
def test_trailers_are_held_to_their_rules(trailers: bytes) -> None:
    """Section 8.1: no pseudo-fields, and they end the stream."""
    connection = connected()

    hear(connection, headers(3), trailers)

    assert [one.code for one in replies(connection)] == [ErrorCode.PROTOCOL_ERROR]


def test_trailers_larger_than_we_take_change_nothing() -> None:
    """They say nothing to us, however long."""
    connection = connected()

    sent = (
        headers(3) + data(3, message(b"a"), end=False) + headers(3, block([(b"a", b"v" * 16_370)]), end=True)
    )

    assert len(hear(connection, sent).calls) == 1


# Section 5.1.2, concurrency


def test_one_stream_too_many_is_refused() -> None:
    """REFUSED_STREAM says that nothing was done, so the peer may try again; a finished call makes room."""
    connection = connected(Limits(concurrent_streams=2))

    assert len(hear(connection, call(3), call(5), call(7)).calls) == 2
    assert [(one.stream_id, one.code) for one in replies(connection)] == [(7, ErrorCode.REFUSED_STREAM)]
    connection.answer(3, b"yes", 0.0)
    assert len(hear(connection, call(9)).calls) == 1


# Section 6.1 and 6.2, padding and priority


def test_padding_and_priority_are_taken_off() -> None:
    """They mean nothing to us."""
    connection = connected()
    flags = frames.END_HEADERS | frames.PADDED | frames.PRIORITISED
    head = frames.frame(frames.HEADERS, flags, 3, b"\x03" + b"\x00\x00\x00\x01\x10" + block() + b"\x00" * 3)
    body = frames.frame(
        frames.DATA, frames.END_STREAM | frames.PADDED, 3, b"\x05" + message(b"ask") + b"\x00" * 5
    )

    assert hear(connection, head, body).calls == [Call(3, CHECK, {}, b"ask")]


# Section 6.4, RST_STREAM


def test_a_reset_cancels_the_call() -> None:
    """Whoever works on it can stop, and an answer that comes all the same is dropped."""
    connection = connected()
    hear(connection, call(3))

    assert hear(connection, frames.reset(3, ErrorCode.CANCEL)).cancelled == [3]
    connection.answer(3, b"yes", 0.0)
    connection.fail(3, Status.INTERNAL, "", 0.0)
    connection.wait(3, 0.0)

    assert replies(connection) == []


def test_a_call_reset_in_its_own_read_is_never_given_out() -> None:
    """No work is done for nobody."""
    connection = connected()

    received = hear(connection, call(3), call(5), frames.reset(3, ErrorCode.CANCEL))

    assert ([one.stream_id for one in received.calls], received.cancelled) == ([5], [])


# Section 6.5, SETTINGS


def test_settings_are_acknowledged_whenever_they_come() -> None:
    """Section 6.5.3; unknown ones are ignored."""
    connection = connected()

    hear(
        connection,
        headers(3),
        frames.settings({0xFF: 1, frames.MAX_FRAME_SIZE: 20_000}),
        data(3, message(b"a")),
    )

    assert replies(connection) == [Frame(frames.SETTINGS, frames.ACK, 0, b"")]


def test_the_peers_frame_size_is_kept_to() -> None:
    """Section 4.2, in our direction."""
    connection = connected(window=10**6)
    connection.take()
    hear(connection, frames.window_update(0, 10**6), call(3), call(5))

    connection.answer(3, b"x" * 40_000, 0.0)
    small = [len(one.payload) for one in replies(connection) if one.kind == frames.DATA]
    hear(connection, frames.settings({frames.MAX_FRAME_SIZE: 30_000}))
    connection.answer(5, b"x" * 40_000, 0.0)
    large = [len(one.payload) for one in replies(connection) if one.kind == frames.DATA]

    assert (small, large) == ([16_384, 16_384, 7_237], [30_000, 10_005])


# Section 6.7, PING


def test_a_ping_is_answered_with_what_it_carried() -> None:
    """Ahead of nothing, behind nothing: it measures the way."""
    connection = connected()

    hear(
        connection,
        frames.frame(frames.PING, 0, 0, b"8 bytes."),
        frames.frame(frames.PING, frames.ACK, 0, b"8 bytes."),
    )

    assert replies(connection) == [Frame(frames.PING, frames.ACK, 0, b"8 bytes.")]


# Section 6.8, GOAWAY


def test_a_drain_refuses_nothing_that_is_on_its_way() -> None:
    """The second GOAWAY comes when the peer has seen the first; what is in flight ends, nothing begins."""
    connection = connected()
    hear(connection, call(3))

    connection.drain(0.0)
    first, ping = replies(connection)
    assert (int.from_bytes(first.payload[:4], "big"), first.code) == (2**31 - 1, ErrorCode.NO_ERROR)
    assert len(hear(connection, call(5)).calls) == 1
    assert not connection.finished
    hear(connection, frames.frame(frames.PING, frames.ACK, 0, ping.payload))
    (second,) = replies(connection)
    assert (int.from_bytes(second.payload[:4], "big"), second.code) == (5, ErrorCode.NO_ERROR)
    assert hear(connection, call(7)).calls == []
    connection.answer(3, b"yes", 0.0)
    assert not connection.finished
    connection.answer(5, b"yes", 0.0)

    assert replies(connection) == whole_answer(3) + whole_answer(5)
    assert connection.finished


def test_a_drain_that_takes_too_long_ends() -> None:
    """A peer that never answers must not keep a process alive; its calls are cancelled."""
    connection = connected(Limits(drain_seconds=99))
    hear(connection, call(3))
    connection.drain(1.0, 5.0)
    connection.drain(2.0)
    assert connection.due <= 6.0

    assert connection.expire(6.0) == [3]
    assert goaway(connection).code is ErrorCode.NO_ERROR


def test_a_drain_before_hello_ends_at_once() -> None:
    """There is nothing to wait for."""
    connection = Connection(Limits(), 0.0)

    connection.drain(0.0)

    assert connection.finished


def test_a_peer_that_leaves_gets_its_answers_first() -> None:
    """Section 6.8: calls in flight are finished, then the connection is."""
    connection = connected()

    hear(connection, call(3), frames.goaway(0, ErrorCode.NO_ERROR))
    before = connection.finished
    connection.answer(3, b"yes", 0.0)

    assert (before, connection.finished) == (False, True)
    assert whole_answer(3)[-1] in replies(connection)


# Section 6.9, flow control


def test_an_answer_waits_for_the_window_of_its_stream() -> None:
    """Not one byte more than the peer said it takes."""
    connection = connected(window=3)
    hear(connection, call(3))

    connection.answer(3, b"yes", 0.0)
    assert replies(connection)[1:] == [Frame(frames.DATA, 0, 3, ANSWER.body[:3])]
    hear(connection, frames.window_update(3, 4))
    assert replies(connection) == [Frame(frames.DATA, 0, 3, ANSWER.body[3:7])]
    hear(connection, frames.window_update(3, 100))

    assert replies(connection) == [Frame(frames.DATA, 0, 3, ANSWER.body[7:]), whole_answer(3)[-1]]


def test_answers_wait_for_the_window_of_the_connection() -> None:
    """All streams share it; others go on when it opens."""
    connection = connected(window=10**6)
    hear(connection, call(3), call(5), call(7))
    connection.answer(3, b"x" * 65_000, 0.0)
    connection.answer(5, b"y" * 1000, 0.0)
    connection.answer(7, b"z" * 1000, 0.0)
    assert sum(len(one.payload) for one in replies(connection) if one.kind == frames.DATA) == 65_535

    hear(connection, frames.window_update(0, 500))
    sent = replies(connection)
    assert sum(len(one.payload) for one in sent if one.kind == frames.DATA) == 500
    assert [one.stream_id for one in sent if one.flags & frames.END_STREAM] == [5]
    hear(connection, frames.window_update(0, 1500))

    assert [one.stream_id for one in replies(connection) if one.flags & frames.END_STREAM] == [7]
    hear(connection, frames.frame(frames.GOAWAY, 0, 0, b"\x00" * 8))
    assert connection.finished


def test_a_change_of_the_initial_window_changes_open_streams() -> None:
    """Section 6.9.2: also downwards, below zero."""
    connection = connected(window=5)
    hear(connection, call(3))
    connection.answer(3, b"yes", 0.0)
    connection.take()

    hear(connection, frames.settings({frames.INITIAL_WINDOW_SIZE: 0}))
    hear(connection, frames.window_update(3, 5))
    assert [one.kind for one in replies(connection)] == [frames.SETTINGS]
    hear(connection, frames.settings({frames.INITIAL_WINDOW_SIZE: 1}))
    assert replies(connection)[1:] == [Frame(frames.DATA, 0, 3, ANSWER.body[5:6])]
    hear(connection, frames.settings({frames.INITIAL_WINDOW_SIZE: 9}))

    assert replies(connection)[1:] == [Frame(frames.DATA, 0, 3, ANSWER.body[6:]), whole_answer(3)[-1]]
    assert not connection.closed


@pytest.mark.parametrize(
    ("sent", "closes"),
    [
        (frames.window_update(3, 2**31 - 1), False),
        (frames.window_update(3, 0), False),
        (frames.window_update(0, 2**31 - 1), True),
        (
            frames.window_update(3, 2**31 - 65_536) + frames.settings({frames.INITIAL_WINDOW_SIZE: 65_536}),
            True,
        ),
    ],
)
def test_a_window_cannot_grow_beyond_its_bound(sent: bytes, *, closes: bool) -> None:
    """Sections 6.9, 6.9.1 and 6.9.2: an error of the stream or of the connection."""
    connection = connected()
    hear(connection, call(3))

    received = hear(connection, sent)

    assert (connection.closed, received.cancelled) == (closes, [3])


def test_our_windows_open_again_as_the_peer_uses_them() -> None:
    """A peer that sends within its windows is never stopped for good, padding included."""
    limits = Limits(stream_window=65_535, connection_window=65_535)
    connection = connected(limits)
    stream = room = 65_535
    piece = message(b"x" * 2_000_000)[:16_128]
    hear(connection, headers(3))

    for _ in range(60):
        assert min(stream, room) >= 16_384
        hear(connection, frames.frame(frames.DATA, frames.PADDED, 3, b"\xff" + piece + b"\x00" * 255))
        stream -= 16_384
        room -= 16_384
        for one in replies(connection):
            grant = int.from_bytes(one.payload, "big")
            stream, room = (stream + grant, room) if one.stream_id else (stream, room + grant)
            assert max(stream, room) <= 65_535


def test_more_than_the_window_of_the_connection_ends_it() -> None:
    """Section 6.9.1; frames for streams that are gone count too."""
    connection = connected(Limits(stream_window=65_535, connection_window=65_535))
    sent = b"".join(headers(one) + data(one, b"\x00" * 16_384, end=False) * 2 for one in (3, 5, 7))

    hear(connection, sent)

    assert goaway(connection).code is ErrorCode.FLOW_CONTROL_ERROR


@pytest.mark.parametrize(("late", "code"), [(4979, ErrorCode.PROTOCOL_ERROR), (33, ErrorCode.STREAM_CLOSED)])
def test_a_skipped_stream_cannot_begin(late: int, code: ErrorCode) -> None:
    """Section 5.1.1: the one that came after it closed it. Of those skipped long ago only that is known."""
    connection = connected()
    for stream_id in range(31, 5031, 50):
        hear(connection, headers(stream_id), frames.reset(stream_id, ErrorCode.CANCEL))
    connection.take()

    hear(connection, headers(late))

    assert goaway(connection).code is code


# Section 6.10, CONTINUATION


def test_a_field_block_may_come_in_pieces() -> None:
    """Cut anywhere, even inside a field."""
    connection = connected()
    whole = block()
    pieces = [whole[at : at + 40] for at in range(0, len(whole), 40)]
    sent = frames.frame(frames.HEADERS, 0, 3, pieces[0])
    sent += b"".join(frames.frame(frames.CONTINUATION, 0, 3, one) for one in pieces[1:-1])
    sent += frames.frame(frames.CONTINUATION, frames.END_HEADERS, 3, pieces[-1])

    assert hear(connection, sent, data(3, message(b"ask"))).calls == [Call(3, CHECK, {}, b"ask")]


@pytest.mark.parametrize(
    "between",
    [
        frames.frame(frames.PING, 0, 0, b"8 bytes."),
        data(3, b""),
        headers(5),
        frames.frame(0x42, 0, 0),
        frames.frame(frames.CONTINUATION, frames.END_HEADERS, 5, block()),
    ],
)
def test_nothing_comes_between_the_pieces_of_a_block(between: bytes) -> None:
    """Section 6.10: not even frames of unknown kinds."""
    connection = connected()

    hear(connection, frames.frame(frames.HEADERS, 0, 3, block()), between)

    assert goaway(connection).code is ErrorCode.PROTOCOL_ERROR


# Section 5.5, extensions


def test_unknown_frames_flags_and_the_reserved_bit_are_ignored() -> None:
    """Sections 4.1 and 5.5."""
    connection = connected()
    head = frames.frame(frames.HEADERS, frames.END_HEADERS | 0xC2, 3 | 1 << 31, block())

    sent = frames.frame(0x42, 0xFF, 3, b"what") + head + frames.frame(frames.DATA, 0xF7, 3, message(b"ask"))

    assert hear(connection, sent).calls == [Call(3, CHECK, {}, b"ask")]


# RFC 7541 within a connection


def test_blocks_that_cannot_be_decoded_end_the_connection() -> None:
    """Section 4.3: COMPRESSION_ERROR, since the state is lost for every later block."""
    connection = connected()

    hear(connection, headers(3, b"\xbe"))

    assert goaway(connection).code is ErrorCode.COMPRESSION_ERROR


def test_equal_blocks_mean_equal_calls() -> None:
    """The short way and the long way must not differ."""
    connection = connected()
    fields = block(fields_with((b"x-a", b"1")))

    calls = [hear(connection, headers(one, fields), data(one, message(b"a"))).calls[0] for one in (3, 5)]

    assert calls[0][1:] == calls[1][1:]
    assert calls[0].metadata is calls[1].metadata


def test_a_block_that_holds_a_secret_is_not_remembered() -> None:
    """RFC 7541 section 7.1.3."""
    connection = connected()
    fields = block() + block([(b"x-secret", b"1")], first=0x10)

    calls = [hear(connection, headers(one, fields), data(one, message(b"a"))).calls[0] for one in (3, 5)]

    assert calls[0].metadata == calls[1].metadata
    assert calls[0].metadata is not calls[1].metadata


def test_more_blocks_than_are_remembered_are_still_read() -> None:
    """Tracing makes every block different."""
    connection = connected()

    for at in range(3, 1003, 2):
        fields = block(fields_with((b"traceparent", b"%d" % at)))
        (one,) = hear(connection, headers(at, fields), data(at, message(b"a"))).calls
        assert one.metadata == {"traceparent": str(at)}
        connection.answer(at, b"", 0.0)


def test_the_table_is_right_before_the_acknowledgement() -> None:
    """A peer may use the default table until it has read our SETTINGS."""
    connection = connected(acknowledge=False)
    first = hear(
        connection, headers(1, block(fields_with((b"x-a", b"1")), first=0x40)), data(1, message(b"a"))
    ).calls
    table = bytes(0xBE + at for at in reversed(range(7)))

    second = hear(connection, headers(3, table), data(3, message(b"a"))).calls
    third = hear(
        connection,
        frames.frame(frames.SETTINGS, frames.ACK, 0),
        headers(5, SHRINK + block(fields_with((b"x-a", b"1")))),
        data(5, message(b"a")),
    ).calls

    assert first[0][1:] == second[0][1:] == third[0][1:]


# Time


def test_a_peer_that_never_acknowledges_is_let_go() -> None:
    """Section 6.5.3: SETTINGS_TIMEOUT."""
    connection = connected(Limits(handshake_seconds=10), acknowledge=False)
    assert connection.due == 10.0

    assert connection.expire(9.9) == []
    assert not connection.closed
    connection.expire(10.0)

    assert goaway(connection).code is ErrorCode.SETTINGS_TIMEOUT


def test_a_deadline_ends_a_call_that_waits() -> None:
    """The caller gets DEADLINE_EXCEEDED when its time is up, and whoever works on it is told to stop."""
    connection = connected()
    hear(
        connection, headers(3, block(fields_with((b"grpc-timeout", b"2S")))), data(3, message(b"a")), now=1.0
    )
    connection.wait(3, 1.0)
    assert connection.due == 3.0

    assert connection.expire(2.9) == []
    assert connection.expire(3.0) == [3]
    assert [only_status(one) for one in replies(connection)] == [Status.DEADLINE_EXCEEDED]
    connection.answer(3, b"yes", 3.1)
    assert replies(connection) == []


def test_a_deadline_that_is_watched_twice_ends_a_call_once() -> None:
    """While the request comes in, and while its answer is waited for."""
    connection = connected()
    hear(connection, headers(3, block(fields_with((b"grpc-timeout", b"2S")))), now=1.0)
    hear(connection, data(3, message(b"a")), now=2.0)
    connection.wait(3, 2.0)

    assert connection.expire(3.0) == [3]
    assert [only_status(one) for one in replies(connection)] == [Status.DEADLINE_EXCEEDED]


def test_a_call_without_a_deadline_has_ours() -> None:
    """An answer that never comes must not hold a stream for ever."""
    connection = connected(Limits(answer_seconds=60))
    hear(connection, call(3), now=1.0)
    connection.wait(3, 1.0)

    assert connection.expire(61.0) == [3]
    assert [only_status(one) for one in replies(connection)] == [Status.DEADLINE_EXCEEDED]


@pytest.mark.parametrize(("timeout", "due"), [(b"2S", 3.0), (b"1H", 31.0)])
def test_a_request_that_does_not_end_is_ended(timeout: bytes, due: float) -> None:
    """By its own deadline or by ours, whichever comes first; no call was given out."""
    connection = connected(Limits(receive_seconds=30))
    hear(connection, headers(3, block(fields_with((b"grpc-timeout", timeout)))), now=1.0)
    assert connection.due <= due

    assert connection.expire(due - 0.1) == []
    assert connection.expire(due) == []
    refused, reset = replies(connection)
    assert only_status(refused) is Status.DEADLINE_EXCEEDED
    assert reset.code is ErrorCode.NO_ERROR


def test_a_call_that_came_slowly_has_its_full_time_for_the_answer() -> None:
    """The time for receiving ends when all is received."""
    connection = connected(Limits(receive_seconds=30, answer_seconds=60))
    hear(connection, headers(3))
    hear(connection, data(3, message(b"a")), now=29.0)

    assert connection.expire(31.0) == []
    connection.answer(3, b"yes", 31.0)

    assert replies(connection) == whole_answer(3)


def test_an_answer_that_is_not_taken_is_dropped() -> None:
    """A slow reader holds its stream for a bounded time; no call is left to cancel."""
    connection = connected(Limits(send_seconds=30), window=0)
    hear(connection, call(3))
    connection.answer(3, b"yes", 1.0)
    connection.take()
    assert connection.due == 10.0 or connection.due <= 31.0

    assert connection.expire(31.0) == []
    assert [(one.stream_id, one.code) for one in replies(connection)] == [(3, ErrorCode.CANCEL)]


def test_a_connection_without_calls_drains_after_its_time() -> None:
    """GOAWAY first, so that a call on its way is not lost; a call in flight is not idle time."""
    connection = connected(Limits(idle_seconds=100))
    hear(connection, call(3), now=50.0)
    connection.expire(149.0)
    connection.expire(240.0)
    connection.answer(3, b"yes", 240.0)
    connection.take()

    connection.expire(339.0)
    assert replies(connection) == []
    connection.expire(340.0)

    assert [one.kind for one in replies(connection)] == [frames.GOAWAY, frames.PING]


def test_nothing_happens_after_the_end() -> None:
    """Once GOAWAY is said, nothing is heard, expired or drained."""
    connection = connected()
    hear(connection, call(3))
    assert hear(connection, headers(5, b"\xbe")).cancelled == [3]
    connection.take()

    assert hear(connection, call(7)) == ([], [])
    assert connection.expire(10.0**6) == []
    connection.drain(0.0)
    connection.answer(3, b"yes", 0.0)

    assert split(connection.take()) == []
