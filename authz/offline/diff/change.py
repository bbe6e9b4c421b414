"""One thing that changed, and whether more or less is allowed for it. What can't be told counts as more."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import orjson

from authz.compiler import Compiled, SourceFile
from authz.compiler.problem import Problems
from authz.compiler.source import Plain, read
from authz.core.app import NOWHERE, Place


class Direction(StrEnum):
    """What a change does to what is allowed."""

    WIDER = "wider"
    NARROWER = "narrower"
    EITHER = "either"
    """Nobody can tell from the definitions alone: taken for wider, so that a person looks."""
    SAME = "same"

    @property
    def allows(self) -> bool:
        """Whether something may be newly allowed."""
        return self in {Direction.WIDER, Direction.EITHER}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that changed."""

    direction: Direction
    about: str
    """`persona x`, `group y`, `app z`."""
    what: str
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Definitions before or after, as compiled and as written."""

    compiled: Compiled
    written: Mapping[tuple[str, str], dict[str, Plain]]
    """Documents by kind and name; those without a name under the kind alone."""

    @classmethod
    def of(cls, compiled: Compiled, files: Sequence[SourceFile]) -> "Side":
        """Both forms; what is compiled has been read without a problem."""
        written: dict[tuple[str, str], dict[str, Plain]] = {}
        for source in files:
            for document in read(source, Problems()):
                if isinstance(document.value, dict):
                    _put(written, document.value)
        return cls(compiled=compiled, written=written)


def _put(written: dict[tuple[str, str], dict[str, Plain]], value: dict[str, Plain]) -> None:
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    key = str(value.get("kind")), str(name or "")
    known = written.get(key)
    if known is None:
        written[key] = dict(value)
        return
    for part, inner in value.items():  # several nameless documents of one kind are one
        have = known.get(part)
        known[part] = [*have, *inner] if isinstance(have, list) and isinstance(inner, list) else inner


def canonical(value: object) -> str:
    """One spelling for equal values."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()


def by_sets(old: Collection[str], new: Collection[str]) -> Direction:
    """More members allow more."""
    before, after = set(old), set(new)
    if before == after:
        return Direction.SAME
    if before < after:
        return Direction.WIDER
    return Direction.NARROWER if after < before else Direction.EITHER


def by_number(old: float, new: float) -> Direction:
    """A greater maximum allows more."""
    if old == new:
        return Direction.SAME
    return Direction.WIDER if new > old else Direction.NARROWER


def opposite(direction: Direction) -> Direction:
    """For what allows less where it is more."""
    match direction:
        case Direction.WIDER:
            return Direction.NARROWER
        case Direction.NARROWER:
            return Direction.WIDER
        case _:
            return direction


def together(directions: Collection[Direction]) -> Direction:
    """Several changes of one thing."""
    found = set(directions) - {Direction.SAME}
    if not found:
        return Direction.SAME
    return found.pop() if len(found) == 1 else Direction.EITHER


def listed(names: Collection[str], most: int = 12) -> str:
    """Names in backticks, not too many."""
    some = sorted(names)
    text = ", ".join(f"`{one}`" for one in some[:most])
    return f"{text} and {len(some) - most} more" if len(some) > most else text
