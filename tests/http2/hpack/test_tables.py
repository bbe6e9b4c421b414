"""RFC 7541 appendices A and B as data."""

from hpack.huffman_constants import REQUEST_CODES_LENGTH
from hpack.table import HeaderTable

from authz.http2.hpack.tables import CODE_LENGTHS, STATIC


def test_the_static_table_is_the_one_of_the_rfc() -> None:
    """A wrong entry would turn one header into another."""
    assert STATIC == HeaderTable.STATIC_TABLE


def test_the_code_lengths_are_those_of_the_rfc() -> None:
    """They give the whole code, since it is canonical."""
    assert list(CODE_LENGTHS) == list(REQUEST_CODES_LENGTH)
