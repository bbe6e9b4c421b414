"""Refusals of strangers above a rate become one counted record a second and source."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from authz.audit.event import folded_record

SOURCES = 4096
"""Sources that are told apart within one second; those after them are counted together."""

_SECOND = len("2026-01-01T00:00:00")
OTHERS = "others"


@dataclass(slots=True)
class _Count:
    """What one source did within one second."""

    passed: int = 0
    folded: int = 0
    first: Mapping[str, object] = field(default_factory=dict)
    last: str = ""
    codes: dict[str, int] = field(default_factory=dict)


class Folding:
    """Lets the first refusals of a source and second through and counts the others.

    Time is what the records say: this needs no clock, and a clock that steps back only ends a second early.
    """

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._second = ""
        self._sources: dict[str, _Count] = {}

    def pass_on(self, record: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
        """What is to be written because of this refusal, after the counts of the last second."""
        second = str(record["at"])[:_SECOND]
        if second != self._second:
            yield from self.flush()
            self._second = second
        source = record.get("source")
        address = str(source.get("address")) if isinstance(source, Mapping) else ""
        count = self._sources.get(address)
        if count is None:
            if len(self._sources) >= SOURCES:
                address = OTHERS
            count = self._sources.setdefault(address, _Count())
        if count.passed < self._rate:
            count.passed += 1
            yield record
            return
        _fold(count, record)

    def flush(self) -> list[Mapping[str, object]]:
        """The counted records of the second that ended."""
        counted: list[Mapping[str, object]] = [
            folded_record(count.first, address, count.folded, count.last, count.codes)
            for address, count in self._sources.items()
            if count.folded
        ]
        self._sources = {}
        return counted


def _fold(count: _Count, record: Mapping[str, object]) -> None:
    if not count.folded:
        count.first = record
    count.folded += 1
    count.last = str(record["at"])
    reasons = record.get("reasons")
    for one in reasons if isinstance(reasons, list) else []:
        code = str(one["code"])
        count.codes[code] = count.codes.get(code, 0) + 1
