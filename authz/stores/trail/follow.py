"""Follows the trail as it grows: from a remembered place, whole lines only, chain by chain."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson

from authz.stores.trail.layout import chain_folder, chain_names, root_of, segment_path, segments


@dataclass(frozen=True, slots=True)
class Place:
    """How far a chain was read."""

    segment: int = 0
    """Number of the segment; 0 is before the first."""
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the trail and the place behind it."""

    chain: str
    data: bytes
    after: Place


def read_place(path: Path) -> dict[str, Place]:
    """The places that were written by `write_place`; empty when there are none or they can't be read."""
    try:
        value = orjson.loads(path.read_bytes())
        return {name: Place(int(segment), int(offset)) for name, (segment, offset) in value.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}  # from the beginning: twice is allowed, never is not


def encode_place(places: Mapping[str, Place]) -> bytes:
    """The places as JSON."""
    return orjson.dumps({name: [place.segment, place.offset] for name, place in places.items()})


class Follower:
    """Reads what was appended since the last time, in pieces of bounded size."""

    def __init__(self, state: Path, places: Mapping[str, Place], *, piece: int = 1 << 20) -> None:
        self._root = root_of(state)
        self._piece = piece
        self.places = dict(places)
        """How far each chain was read; behind the last line that `poll` gave."""

    def poll(self, most: int) -> Iterator[Line]:
        """At most `most` new lines, every chain having its turn."""
        names = chain_names(self._root)
        for index, name in enumerate(names):
            share = max(1, most // (len(names) - index))
            for line in self._chain(name, share):
                most -= 1
                yield line

    def _chain(self, name: str, most: int) -> Iterator[Line]:
        folder = chain_folder(self._root, name)
        while most > 0:
            place = self.places.get(name, Place())
            later = [number for number, _ in segments(folder) if number > place.segment]
            lines = self._read(segment_path(folder, place.segment), place, most)
            for data, offset in lines:
                most -= 1
                after = Place(place.segment, offset)
                self.places[name] = after
                yield Line(name, data, after)
            if lines:
                continue
            # The list of segments is older than the read: all that this one ever got was seen.
            if not later:
                return
            self.places[name] = Place(later[0], 0)

    def _read(self, path: Path, place: Place, most: int) -> list[tuple[bytes, int]]:
        try:
            with path.open("rb") as file:
                file.seek(place.offset)
                block = file.read(self._piece)
        except FileNotFoundError:
            return []
        found: list[tuple[bytes, int]] = []
        start = 0
        while len(found) < most and (end := block.find(b"\n", start)) >= 0:
            found.append((block[start:end], place.offset + end + 1))
            start = end + 1
        return found

    def behind(self) -> int:
        """Bytes that were appended and not read yet."""
        total = 0
        for name in chain_names(self._root):
            place = self.places.get(name, Place())
            for number, path in segments(chain_folder(self._root, name)):
                if number >= place.segment:
                    try:
                        size = path.stat().st_size
                    except FileNotFoundError:
                        continue
                    total += size - (place.offset if number == place.segment else 0)
        return total
