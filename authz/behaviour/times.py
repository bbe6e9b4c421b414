"""A row of instants that only moves forward: 8 bytes each, forgotten from the front. Knows no rule.

A row is one `array('q')`: element 0 says where the living part begins, the rest are microseconds, ascending.
"""

from array import array
from heapq import merge as merged
from typing import TypeAlias

Row: TypeAlias = "array[int]"

SLACK = 64
"""Dead elements that are tolerated before the row is compacted."""


def row(instants: list[int] | None = None) -> Row:
    """A new row, of these instants in ascending order."""
    return array("q", [1, *instants] if instants else [1])


def living(times: Row, edge: int) -> int:
    """How many are younger than `edge`; what is not is forgotten."""
    head, size = times[0], len(times)
    while head < size and times[head] <= edge:
        head += 1
    times[0] = head
    return size - head


def add(times: Row, now: int, most: int) -> None:
    """Add an instant; of more than `most`, the oldest is forgotten."""
    times.append(now)
    trim(times, most)


def trim(times: Row, most: int) -> None:
    """Forget what is more than `most`, and give back room."""
    head = times[0]
    if len(times) - head > most:
        head += 1
        times[0] = head
    if head > SLACK and head * 2 > len(times):
        del times[1:head]
        times[0] = 1


def instants(times: Row) -> list[int]:
    """The living part."""
    return times[times[0] :].tolist()


def union(one: Row, other: Row) -> Row:
    """All instants of both."""
    return row(list(merged(instants(one), instants(other))))
