"""Header field blocks (RFC 7541), decoding only.

We announce a dynamic table of size 0, unless told otherwise. Until the peer has acknowledged that, its blocks
may use the default table, so there is a real one. Afterwards blocks carry no state (section 4.2): the same
bytes always mean the same field, and a field once decoded is remembered. What we send never uses the dynamic
table and is constant.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final

from authz.http2.codes import ConnectionFault, ErrorCode
from authz.http2.hpack import huffman
from authz.http2.hpack.tables import STATIC

Field = tuple[bytes, bytes]

_OVERHEAD: Final = 32
"""What every entry counts besides its bytes (section 4.1)."""
_DEFAULT_TABLE: Final = 4096
_STATIC_END: Final = len(STATIC) + 1
_REMEMBERED_FIELDS: Final = 512
_REMEMBERED_BYTES: Final = 512
_INDEXED: Final = 0x80
_INCREMENTAL: Final = 0x40
RESIZE: Final = 0x20
RESIZE_MASK: Final = 0xE0
_NEVER_INDEXED: Final = 0x10
_STRING_MASK: Final = 0x7F
_MORE: Final = 0x80
_LONGEST_INTEGER: Final = 4
"""Bytes after the prefix: 28 bits are more than any length or index that we accept."""


class ListTooLarge(Exception):  # noqa: N818 - not a fault: the call is refused, the connection goes on
    """The decoded header list is larger than we said we take. The table's state is as it must be."""


def list_bytes(fields: Iterable[Field]) -> int:
    """The size of a header list as RFC 9113 section 6.5.2 counts it."""
    return sum(len(name) + len(value) + _OVERHEAD for name, value in fields)


def _fault(text: str) -> ConnectionFault:
    return ConnectionFault(ErrorCode.COMPRESSION_ERROR, text)


def _integer(block: bytes, at: int, mask: int) -> tuple[int, int]:
    """The integer that starts at `at` (section 5.1), and where it ends."""
    value = block[at] & mask
    at += 1
    if value < mask:
        return value, at
    for shift in range(0, 7 * _LONGEST_INTEGER, 7):
        byte = block[at]
        at += 1
        value += (byte & 0x7F) << shift
        if byte < _MORE:
            return value, at
    raise _fault("integer too large")


def _skip_string(block: bytes, at: int) -> int:
    """Where the string that starts at `at` ends."""
    size = block[at] & _STRING_MASK
    at += 1
    if size == _STRING_MASK:
        size, at = _integer(block, at - 1, _STRING_MASK)
    return at + size


def _string(block: bytes, at: int) -> tuple[bytes, int]:
    """The string that starts at `at` (section 5.2), and where it ends."""
    encoded = block[at] & 0x80
    size, at = _integer(block, at, _STRING_MASK)
    end = at + size
    if end > len(block):
        raise _fault("string longer than its block")
    data = block[at:end]
    return (huffman.decode(data) if encoded else data), end


class Decoder:
    """The decoding half of one connection's compression."""

    __slots__ = (
        "_allowed",
        "_announced",
        "_fields",
        "_list_bytes",
        "_max_size",
        "_must_shrink",
        "_size",
        "_table",
        "secret",
        "starts",
    )

    def __init__(self, list_bytes: int, table_bytes: int) -> None:
        self._list_bytes = list_bytes
        self._announced = table_bytes
        self._allowed = self._max_size = _DEFAULT_TABLE
        self._size = 0
        self._must_shrink = False
        self._table: deque[Field] = deque()
        self._fields: dict[bytes, Field] = {}
        self.secret = False
        """Whether the last block held a field that must not be remembered (section 7.1.3)."""
        self.starts: list[int] = []
        """Where each field of the last block began."""

    @property
    def stateless(self) -> bool:
        """Whether equal blocks mean equal lists from now on."""
        return self._max_size == 0 and self._allowed == 0

    def acknowledged(self) -> None:
        """The peer knows the table we grant: if it is smaller, its next block says so (RFC 9113 4.3.1)."""
        self._allowed = self._announced
        self._must_shrink = self._max_size > self._allowed

    def decode(self, block: bytes) -> list[Field]:
        """The fields of a whole block.

        Raises:
            ConnectionFault: The block is not well-formed.
            ListTooLarge: It is, but its list is larger than the limit.
        """
        try:
            return self._decode(block)
        except IndexError:
            raise _fault("block ends inside a field") from None

    def _decode(self, block: bytes) -> list[Field]:
        at = self._resize(block)
        end = len(block)
        self.secret = False
        self.starts = starts = []
        found: list[Field] = []
        room = self._list_bytes
        while at < end:
            first = block[at]
            starts.append(at)
            if first >= _INDEXED:
                index, at = _integer(block, at, 0x7F)
                field = self._entry(index)
            elif first >= _INCREMENTAL:
                if self._max_size:
                    field, at = self._literal(block, at, 0x3F)
                    self._insert(field)
                else:
                    field, at = self._remembered(block, at, 0x3F)
            elif first >= RESIZE:
                raise _fault("table size update inside a block")
            elif first >= _NEVER_INDEXED or self._max_size:
                self.secret |= first >= _NEVER_INDEXED
                field, at = self._literal(block, at, 0x0F)
            else:
                field, at = self._remembered(block, at, 0x0F)
            room -= len(field[0]) + len(field[1]) + _OVERHEAD
            if room >= 0:
                found.append(field)
        if room < 0:
            raise ListTooLarge
        return found

    def _resize(self, block: bytes) -> int:
        """Apply the size updates at the start of a block (section 6.3); gives where they end."""
        at = 0
        while at < len(block) and block[at] & RESIZE_MASK == RESIZE:
            size, at = _integer(block, at, 0x1F)
            if size > self._allowed:
                raise _fault("table size update beyond what we allow")
            self._max_size = size
            self._must_shrink = False
            self._evict()
        if self._must_shrink:
            raise _fault("no table size update after the acknowledgement of ours")
        return at

    def _entry(self, index: int) -> Field:
        if 0 < index < _STATIC_END:
            return STATIC[index - 1]
        if index == 0 or index - _STATIC_END >= len(self._table):
            raise _fault("index out of range")
        return self._table[index - _STATIC_END]

    def _literal(self, block: bytes, at: int, mask: int) -> tuple[Field, int]:
        index, at = _integer(block, at, mask)
        if index:
            name = self._entry(index)[0]
        else:
            name, at = _string(block, at)
        value, at = _string(block, at)
        return (name, value), at

    def _remembered(self, block: bytes, at: int, mask: int) -> tuple[Field, int]:
        """A literal while the table is empty: known by its bytes, or decoded and from now on known."""
        index, end = _integer(block, at, mask)
        if not index:
            end = _skip_string(block, end)
        end = _skip_string(block, end)
        encoded = block[at:end]
        field = self._fields.get(encoded)
        if field is None:
            field, end = self._literal(block, at, mask)
            if len(encoded) <= _REMEMBERED_BYTES:
                if len(self._fields) >= _REMEMBERED_FIELDS:
                    self._fields.clear()
                self._fields[encoded] = field
        return field, end

    def _insert(self, field: Field) -> None:
        self._table.appendleft(field)
        self._size += len(field[0]) + len(field[1]) + _OVERHEAD
        self._evict()

    def _evict(self) -> None:
        while self._size > self._max_size:
            name, value = self._table.pop()
            self._size -= len(name) + len(value) + _OVERHEAD
