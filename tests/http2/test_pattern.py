"""The short way of reading a block must never differ from the long one."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from authz.http2 import Limits
from authz.http2.blocks import Blocks
from authz.http2.codes import ConnectionFault
from authz.http2.head import Head, Malformed
from tests.http2.wire import SHRINK, block, fields_with

LIMITS = Limits(header_list_bytes=700)
Outcome = Head | tuple[str, str]

TRACED = [fields_with((b"traceparent", b"%d" % at), (b"x-after", b"1")) for at in range(3)]
steady = st.sampled_from(fields_with((b"x-a", b"1"), (b"content-length", b"5"), (b"grpc-timeout", b"1S")))
varied = st.tuples(
    st.sampled_from([b"traceparent", b"x-a", b"x-b", b"te", b"grpc-timeout", b":path", b"X"]),
    st.sampled_from([b"1", b"2", b" 3", b"5m", b"v" * 300, b"/p"]),
)
encodings = st.sampled_from([0x00, 0x10, 0x40])
encoded = st.lists(st.tuples(steady | varied, encodings), max_size=4).map(
    lambda parts: b"".join(block([one], first) for one, first in parts)
)
blocks = st.one_of(
    st.sampled_from([block(one) for one in TRACED]),
    st.tuples(st.sampled_from([block(), block()[:-1], SHRINK]), encoded).map(b"".join),
    st.tuples(st.just(block(fields_with())), encoded, st.just(block([(b"x-after", b"1")]))).map(b"".join),
    st.binary(max_size=6).map(lambda tail: block() + tail + block([(b"x-after", b"1")])),
)


def outcome(reader: Blocks, encoded_block: bytes) -> Outcome:
    """What a block is read as, faults included."""
    try:
        return reader.head(encoded_block)
    except ConnectionFault as fault:
        return ("fault", fault.text)
    except Malformed as problem:
        return ("malformed", str(problem))


def fresh() -> Blocks:
    """A reader that remembers nothing and whose blocks carry no state."""
    reader = Blocks(LIMITS)
    reader.acknowledged()
    reader.skip(SHRINK)
    return reader


@given(st.lists(blocks, min_size=2, max_size=12))
@example([block(one) for one in TRACED])
@example([block(TRACED[0]), block(TRACED[1]), block(fields_with((b"x-after", b"2"), (b"x-after", b"1")))])
def test_a_block_means_the_same_whatever_came_before(sent: Sequence[bytes]) -> None:
    """Remembered, by pattern or read anew: one meaning, one fault."""
    reader = fresh()

    for one in sent:
        assert outcome(reader, one) == outcome(fresh(), one)


@pytest.mark.parametrize(
    "later",
    [
        [(b"traceparent", b"9")],
        [(b"traceparent", b"9"), (b"tracestate", b"a=1")],
        [(b"tracestate", b"a=1")],
        [],
    ],
)
def test_what_changes_between_calls_is_read_alone(later: list[tuple[bytes, bytes]]) -> None:
    """Tracing changes a field of every call, and it may be one more or one less."""
    reader = fresh()
    for one in TRACED[:2]:
        reader.head(block(one))

    head = reader.head(block(fields_with(*later, (b"x-after", b"1"))))

    expected = {name.decode(): value.decode() for name, value in later}
    assert head.metadata == {**expected, "x-after": "1"}


def test_a_list_too_large_is_refused_on_the_short_way_too() -> None:
    """What is fixed counts with what changes."""
    reader = fresh()
    fixed = (b"x-after", b"v" * 300)
    for at in range(2):
        reader.head(block(fields_with((b"traceparent", b"%d" % at), fixed)))

    assert reader.head(block(fields_with((b"traceparent", b"v" * 30), fixed))).refusal is not None


def test_what_changes_is_not_remembered_as_a_whole() -> None:
    """Blocks that never come again must not push out those that do."""
    reader = fresh()
    steady_head = reader.head(block())
    for at in range(1000):
        reader.head(block(fields_with((b"traceparent", b"%d" % at), (b"x-after", b"1"))))

    assert reader.head(block()) is steady_head
