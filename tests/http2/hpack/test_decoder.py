"""RFC 7541: field blocks, with and without a dynamic table."""

import pytest
from hpack import Encoder
from hypothesis import given
from hypothesis import strategies as st

from authz.http2 import ErrorCode
from authz.http2.codes import ConnectionFault
from authz.http2.hpack.decoder import Decoder, ListTooLarge
from tests.http2.wire import SHRINK, block

LIST_BYTES = 16_384
names = st.sampled_from([b":path", b"te", b"x-a", b"authorization", b"traceparent"]) | st.binary(max_size=12)
fields = st.lists(st.tuples(names, st.binary(max_size=200)), max_size=12)


def fresh(*, acknowledged: bool = False) -> Decoder:
    """A decoder that announces no table; with `acknowledged`, one whose peer has complied."""
    decoder = Decoder(LIST_BYTES, 0)
    if acknowledged:
        decoder.acknowledged()
        decoder.decode(SHRINK)
    return decoder


def code_of(decoder: Decoder, encoded: bytes) -> ErrorCode:
    """The code with which a block ends the connection."""
    with pytest.raises(ConnectionFault) as caught:
        decoder.decode(encoded)
    return caught.value.code


@pytest.mark.parametrize(
    "blocks",
    [
        ["828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865"],
        ["828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf"],
    ],
)
def test_the_request_examples_of_the_rfc_are_read(blocks: list[str]) -> None:
    """Appendix C.3 and C.4: the second block refers to what the first put into the table."""
    decoder = fresh()

    first, second = (decoder.decode(bytes.fromhex(encoded)) for encoded in blocks)

    common = [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/"),
        (b":authority", b"www.example.com"),
    ]
    assert (first, second) == (common, [*common, (b"cache-control", b"no-cache")])


@given(st.lists(st.tuples(fields, st.booleans()), max_size=6))
def test_what_another_encoder_wrote_with_its_table_is_read_back(
    lists: list[tuple[list[tuple[bytes, bytes]], bool]],
) -> None:
    """Before the acknowledgement a peer may use the default table; each block depends on those before it."""
    decoder, encoder = fresh(), Encoder()

    for one, huffman in lists:
        assert decoder.decode(encoder.encode(one, huffman=huffman)) == one


@given(st.lists(st.tuples(fields, st.booleans()), max_size=6))
def test_what_another_encoder_wrote_without_a_table_is_read_back(
    lists: list[tuple[list[tuple[bytes, bytes]], bool]],
) -> None:
    """After the acknowledgement; remembered fields must mean what they meant the first time."""
    decoder, encoder = fresh(), Encoder()
    encoder.header_table_size = 0
    decoder.acknowledged()

    for one, huffman in lists:
        assert decoder.decode(encoder.encode(one, huffman=huffman)) == one
        assert decoder.decode(encoder.encode(one, huffman=huffman)) == one


@given(st.lists(st.integers(0, 200), min_size=1, max_size=8))
def test_a_table_that_shrinks_and_grows_evicts_as_the_peers_does(sizes: list[int]) -> None:
    """Section 4.3: both ends must drop the same entries."""
    decoder, encoder = fresh(), Encoder()

    for at, size in enumerate(sizes):
        encoder.header_table_size = size
        one = [(b"x-%d" % (at % 3), b"v%d" % at), (b"x-a", b"1")]
        assert decoder.decode(encoder.encode(one)) == one


def test_a_block_without_the_size_update_after_the_acknowledgement_ends_the_connection() -> None:
    """RFC 9113 section 4.3.1 demands it; otherwise the two tables would differ."""
    decoder = fresh()
    decoder.acknowledged()

    assert code_of(decoder, block()) is ErrorCode.COMPRESSION_ERROR


def test_a_peer_that_had_no_table_need_not_say_so_again() -> None:
    """There is nothing left to shrink."""
    decoder = fresh()
    decoder.decode(SHRINK)
    decoder.acknowledged()

    assert decoder.decode(block([(b"a", b"b")])) == [(b"a", b"b")]
    assert decoder.stateless


def test_a_granted_table_is_used() -> None:
    """For peers that do not follow HEADER_TABLE_SIZE."""
    decoder, encoder = Decoder(LIST_BYTES, 4096), Encoder()
    decoder.acknowledged()

    first = decoder.decode(encoder.encode([(b"x-a", b"1")]))

    assert decoder.decode(encoder.encode([(b"x-a", b"1")])) == first == [(b"x-a", b"1")]
    assert not decoder.stateless


@pytest.mark.parametrize(
    "encoded",
    [
        b"\x80",  # index 0
        b"\xbe",  # index 62 of an empty table
        b"\xff\xff\xff\xff\x7f",  # an index beyond any table
        b"\xff\xff\xff\xff\xff\x7f",  # an integer that is too long
        b"\xff\x80\x80\x80\x80\x00",  # an integer padded with zeros
        b"\x82\x20",  # a size update that is not at the start
        b"\x3f\xe2\x1f",  # a size update to 4097
        b"\x00",  # ends before the name
        b"\x00\x01a",  # ends before the value
        b"\x00\x01a\x02b",  # ends inside the value
        b"\x00\x7f\xff\xff\xff\xff\x01a",  # a length beyond any block
        b"\x7e\x00",  # a name of an empty table
        b"\xff",  # ends inside an integer
    ],
)
def test_blocks_that_cannot_be_decoded_end_the_connection(encoded: bytes) -> None:
    """Section 2.3.3, 5.1, 5.2, 6.3; after an error the state is unknown."""
    assert code_of(fresh(), encoded) is ErrorCode.COMPRESSION_ERROR


def test_a_size_update_beyond_what_was_granted_ends_the_connection() -> None:
    """Section 6.3: after the acknowledgement nothing but 0 is granted."""
    decoder = fresh(acknowledged=True)

    assert code_of(decoder, b"\x21\x82") is ErrorCode.COMPRESSION_ERROR


def test_a_list_beyond_the_limit_is_refused_and_the_table_stays_right() -> None:
    """An HPACK bomb names one large entry many times; it is counted, not kept."""
    decoder = fresh()
    big = (b"x-big", b"v" * 3000)
    assert decoder.decode(block([big], first=0x40)) == [big]

    with pytest.raises(ListTooLarge):
        decoder.decode(b"\xbe" * 4000)

    assert decoder.decode(b"\xbe") == [big]


def test_a_field_marked_as_never_indexed_is_a_secret() -> None:
    """Section 7.1.3: the sender asks that nobody keeps it."""
    decoder = fresh(acknowledged=True)

    assert decoder.decode(block([(b"authorization", b"x")], first=0x10)) == [(b"authorization", b"x")]
    assert decoder.secret
    decoder.decode(block([(b"a", b"b")]))
    assert not decoder.secret


def test_more_fields_than_are_remembered_are_still_read() -> None:
    """The memory of fields is emptied when it is full, so it cannot grow with what a peer makes up."""
    decoder = fresh(acknowledged=True)

    for at in range(1500):
        one = [(b"traceparent", b"%d" % at), (b"x-a", b"1")]
        assert decoder.decode(block(one)) == one


@given(blocks=st.lists(st.binary(max_size=60), max_size=4), acknowledged=st.booleans())
def test_any_bytes_are_fields_or_a_fault(*, blocks: list[bytes], acknowledged: bool) -> None:
    """Nothing a peer sends raises anything else."""
    decoder = fresh(acknowledged=acknowledged)
    try:
        for encoded in blocks:
            decoder.decode(encoded)
    except (ConnectionFault, ListTooLarge):
        return
