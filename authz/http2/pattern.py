"""A block that came before, around the fields that change from call to call, such as `traceparent`.

Blocks without state are read from left to right, so one that begins and ends as an earlier one did means the
same there, and only what lies between is read. Whatever is not plain metadata is left to the long way: it
alone says what is malformed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from authz.http2.codes import ConnectionFault
from authz.http2.head import Head, plain_metadata
from authz.http2.hpack.decoder import RESIZE, RESIZE_MASK, Decoder, Field, ListTooLarge, list_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A block and how it was read."""

    block: bytes
    """The encoded fields."""
    starts: Sequence[int]
    """Where each begins."""
    fields: Sequence[Field]
    """What they are."""
    head: Head
    """What they say together."""

    def pieces(self) -> list[bytes]:
        """The encoding of each field."""
        ends = (*self.starts[1:], len(self.block))
        return [self.block[start:end] for start, end in zip(self.starts, ends, strict=True)]


class Pattern:
    """What two blocks had in common."""

    __slots__ = ("_after", "_before", "_fixed", "_head", "_room")

    def __init__(self, before: bytes, after: bytes, head: Head, fixed: dict[str, str], room: int) -> None:
        self._before = before
        self._after = after
        self._head = head
        self._fixed = fixed
        self._room = room

    @classmethod
    def between(cls, old: Reading, new: Reading, limit: int) -> Self | None:
        """The pattern of two blocks, if they differ in plain metadata only."""
        one, two = old.pieces(), new.pieces()
        shorter = min(len(one), len(two))
        first = 0
        while first < shorter and one[first] == two[first]:
            first += 1
        last = 0
        while last < shorter - first and one[-1 - last] == two[-1 - last]:
            last += 1
        end = len(two) - last
        changed = plain_metadata(new.fields[first:end])
        if not changed:
            return None
        kept = [*new.fields[:first], *new.fields[end:]]
        if any(name.decode("latin-1") in changed for name, _ in kept):
            return None
        fixed = {name: value for name, value in new.head.metadata.items() if name not in changed}
        stop = new.starts[end] if last else len(new.block)
        return cls(
            new.block[: new.starts[first]], new.block[stop:], new.head, fixed, limit - list_bytes(kept)
        )

    def head(self, block: bytes, decoder: Decoder) -> Head | None:
        """The head of a block that follows the pattern, or None for the long way."""
        before, after = self._before, self._after
        if not (block.startswith(before) and block.endswith(after)):
            return None
        between = block[len(before) : len(block) - len(after)]
        if not between or between[0] & RESIZE_MASK == RESIZE:
            return None
        try:
            fields = decoder.decode(between)
        except (ConnectionFault, ListTooLarge):
            return None
        if list_bytes(fields) > self._room:
            return None
        metadata = plain_metadata(fields)
        if metadata is None or not self._fixed.keys().isdisjoint(metadata):
            return None
        head = self._head
        return Head(
            path=head.path,
            metadata=MappingProxyType({**self._fixed, **metadata}),
            timeout=head.timeout,
            content_length=head.content_length,
            refusal=head.refusal,
        )
