"""RFC 7541 section 5.2 and appendix B."""

import pytest
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import given
from hypothesis import strategies as st

from authz.http2 import ErrorCode
from authz.http2.codes import ConnectionFault
from authz.http2.hpack import huffman

ENCODER = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


@pytest.mark.parametrize(
    ("encoded", "text"),
    [
        ("f1e3c2e5f23a6ba0ab90f4ff", b"www.example.com"),
        ("a8eb10649cbf", b"no-cache"),
        ("d07abe941054d444a8200595040b8166e082a62d1bff", b"Mon, 21 Oct 2013 20:13:21 GMT"),
    ],
)
def test_the_examples_of_the_rfc_are_read(encoded: str, text: bytes) -> None:
    """RFC 7541 appendix C."""
    assert huffman.decode(bytes.fromhex(encoded)) == text


@given(st.binary())
def test_what_another_encoder_wrote_is_read_back(text: bytes) -> None:
    """All bytes, not only those that headers are made of."""
    assert huffman.decode(ENCODER.encode(text)) == text


@pytest.mark.parametrize(
    "encoded",
    [
        b"\x1f\xff",  # "a", then 11 bits of padding
        b"\xff",  # nothing but a byte of padding
        b"\x18",  # "a", then padding of zeros
        b"\xff\xff\xff\xff",  # EOS
        b"\x1f\xff\xff\xff\xfc",  # "a", EOS
    ],
)
def test_wrong_padding_and_eos_end_the_connection(encoded: bytes) -> None:
    """Section 5.2 makes them decoding errors: two strings must not mean the same."""
    with pytest.raises(ConnectionFault) as caught:
        huffman.decode(encoded)

    assert caught.value.code is ErrorCode.COMPRESSION_ERROR


@given(st.binary(max_size=24))
def test_any_bytes_decode_to_what_encodes_to_them_or_fault(encoded: bytes) -> None:
    """Decoding is the inverse of encoding: no string has two encodings."""
    try:
        text = huffman.decode(encoded)
    except ConnectionFault:
        return

    assert ENCODER.encode(text) == encoded
