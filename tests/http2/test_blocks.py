"""Field blocks of a connection: put together, read, remembered."""

import pytest

from authz.http2 import ErrorCode, Limits, frames
from authz.http2.blocks import Blocks, stripped
from authz.http2.codes import ConnectionFault
from tests.http2.wire import CHECK, SHRINK, block, fields_with


def test_pieces_become_the_block_and_flags_of_their_headers() -> None:
    """END_STREAM stands on the HEADERS, END_HEADERS on the last piece (RFC 9113 section 6.10)."""
    blocks = Blocks(Limits())
    blocks.start(3, frames.END_STREAM, b"ab")

    assert blocks.resume(3, 0, b"cd") is None
    assert blocks.resume(3, frames.END_HEADERS, b"ef") == (3, frames.END_STREAM, b"abcdef")


def test_a_block_with_too_many_pieces_ends_the_connection() -> None:
    """Even of empty ones."""
    blocks = Blocks(Limits(continuations=2))
    blocks.start(3, 0, b"")
    blocks.resume(3, 0, b"")
    blocks.resume(3, 0, b"")

    with pytest.raises(ConnectionFault) as caught:
        blocks.resume(3, 0, b"")

    assert caught.value.code is ErrorCode.ENHANCE_YOUR_CALM


def test_a_head_is_remembered_only_where_blocks_carry_no_state() -> None:
    """Before the acknowledgement the same bytes may mean something else."""
    blocks = Blocks(Limits())
    assert blocks.head(block()) is not blocks.head(block())
    blocks.acknowledged()
    blocks.skip(SHRINK)

    assert blocks.head(block()) is blocks.head(block())


def test_what_is_remembered_has_a_bound() -> None:
    """Blocks that have nothing in common push each other out, and are still read."""
    blocks = Blocks(Limits())
    blocks.acknowledged()
    blocks.skip(SHRINK)
    first = blocks.head(block())

    for at in range(300):
        path = (b":path", b"/t.T/M%d" % at)
        assert blocks.head(block([*fields_with(without=[b":path"])[:2], path])).path == f"/t.T/M{at}"

    assert blocks.head(block()) is not first
    assert blocks.head(block()) == first


def test_a_long_block_is_read_but_not_remembered() -> None:
    """What is remembered has a bound."""
    blocks = Blocks(Limits())
    blocks.acknowledged()
    blocks.skip(SHRINK)
    long = block(fields_with((b"x-long", b"v" * 2000)))

    assert blocks.head(long) == blocks.head(long)
    assert blocks.head(long) is not blocks.head(long)
    assert blocks.head(long).path == CHECK


def test_lists_too_large_are_let_pass_where_nothing_depends_on_them() -> None:
    """Trailers, and blocks of streams that are gone."""
    blocks = Blocks(Limits(header_list_bytes=50))

    blocks.trailers(block([(b"x", b"v" * 60)]))
    blocks.skip(block([(b"x", b"v" * 60)]))


def test_padding_and_priority_are_taken_off() -> None:
    """RFC 9113 section 6.2."""
    payload = b"\x02" + b"\x80\x00\x00\x05\x10" + b"block" + b"\x00\x00"

    assert stripped(3, frames.PADDED | frames.PRIORITISED, payload) == b"block"
    with pytest.raises(ConnectionFault):
        stripped(5, frames.PADDED | frames.PRIORITISED, payload)
