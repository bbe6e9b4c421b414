"""Field blocks of one connection: put together from HEADERS and CONTINUATION, read, and remembered.

Once blocks carry no state, a block that came before is answered by one look-up, and one that differs from an
earlier one in some metadata costs the reading of that.
"""

from types import MappingProxyType
from typing import Final

from authz.http2 import frames
from authz.http2.codes import ConnectionFault, ErrorCode, Status
from authz.http2.head import Head, read_head, read_trailers
from authz.http2.hpack.decoder import Decoder, ListTooLarge
from authz.http2.limits import Limits
from authz.http2.pattern import Pattern, Reading
from authz.http2.unary import refusal

_REMEMBERED_BLOCKS: Final = 256
_REMEMBERED_BYTES: Final = 1024
_PRIORITY_BYTES: Final = 5
_TOO_LARGE: Final = Head(
    path="",
    metadata=MappingProxyType({}),
    refusal=refusal(Status.RESOURCE_EXHAUSTED, "header list too large"),
)


class Blocks:
    """Reads the field blocks of one connection, in their order."""

    __slots__ = ("_decoder", "_heads", "_last", "_limits", "_part", "_parts", "_pattern", "_started")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._decoder = Decoder(limits.header_list_bytes, limits.header_table_bytes)
        self._heads: dict[bytes, Head] = {}
        self._last: Reading | None = None
        self._pattern: Pattern | None = None
        self._part = bytearray()
        self._parts = 0
        self._started = (0, 0)

    def acknowledged(self) -> None:
        """The peer has acknowledged our SETTINGS."""
        self._decoder.acknowledged()

    def start(self, stream_id: int, flags: int, part: bytes) -> None:
        """A block begins that CONTINUATION will go on with."""
        self._part = bytearray(part)
        self._parts = 0
        self._started = (stream_id, flags)

    def resume(self, stream_id: int, flags: int, part: bytes) -> tuple[int, int, bytes] | None:
        """A CONTINUATION; gives stream, flags and block of the HEADERS if that was the last one.

        Raises:
            ConnectionFault: It is for another stream, there are too many, or the block is too long.
        """
        if stream_id != self._started[0]:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "CONTINUATION for another stream")
        self._parts += 1
        self._part += part
        if self._parts > self._limits.continuations or len(self._part) > self._limits.header_list_bytes:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "field block too long")
        if not flags & frames.END_HEADERS:
            return None
        block, self._part = bytes(self._part), bytearray()
        return (*self._started, block)

    def head(self, block: bytes) -> Head:
        """The head of a request.

        Raises:
            ConnectionFault: The block cannot be decoded.
            Malformed: It can, but the request breaks HTTP.
        """
        head = self._heads.get(block)
        if head is None and self._pattern is not None:
            head = self._pattern.head(block, self._decoder)
        return head or self._read(block)

    def _read(self, block: bytes) -> Head:
        """The long way, and what can be remembered of it."""
        decoder = self._decoder
        try:
            fields = decoder.decode(block)
        except ListTooLarge:
            return _TOO_LARGE
        head = read_head(fields)
        if decoder.stateless and not decoder.secret and len(block) <= _REMEMBERED_BYTES:
            if len(self._heads) >= _REMEMBERED_BLOCKS:
                self._heads.clear()
            self._heads[block] = head
            reading = Reading(block=block, starts=decoder.starts, fields=fields, head=head)
            if self._last is not None:
                found = Pattern.between(self._last, reading, self._limits.header_list_bytes)
                self._pattern = found or self._pattern
            self._last = reading
        return head

    def trailers(self, block: bytes) -> None:
        """Read trailers, which say nothing to us.

        Raises:
            ConnectionFault: The block cannot be decoded.
            Malformed: It can, but the request breaks HTTP.
        """
        try:
            read_trailers(self._decoder.decode(block))
        except ListTooLarge:
            return

    def skip(self, block: bytes) -> None:
        """Read a block for nothing but the state of the compression.

        Raises:
            ConnectionFault: The block cannot be decoded.
        """
        try:
            self._decoder.decode(block)
        except ListTooLarge:
            return


def stripped(stream_id: int, flags: int, payload: bytes) -> bytes:
    """The field block of a HEADERS frame without padding and priority.

    Raises:
        ConnectionFault: The frame is too short for them, or the stream depends on itself.
    """
    if flags & frames.PADDED:
        payload = frames.unpadded(payload)
    if flags & frames.PRIORITISED:
        if len(payload) < _PRIORITY_BYTES:
            raise ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "HEADERS too short for its priority")
        if int.from_bytes(payload[:4], "big") & frames.LARGEST_STREAM_ID == stream_id:
            raise ConnectionFault(ErrorCode.PROTOCOL_ERROR, "stream depends on itself")
        payload = payload[_PRIORITY_BYTES:]
    return payload
