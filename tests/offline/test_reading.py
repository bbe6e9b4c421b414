"""A log line by line: nothing is lost without a word, and nothing is kept."""

from authz.offline.reading import Format, Reading, reader_of
from tests.compiler.world import compiled
from tests.offline.logs import line, lines


def reading(*values: object) -> Reading:
    """One pass over a log of calls."""
    return Reading(lines(values), reader_of(Format.CALLS, compiled().definitions, {}))


def test_bad_lines_are_counted_with_their_numbers_and_shift_no_index() -> None:
    """An index that depends on what could be read would point at another call."""
    log = reading(line(), b"{broken\n", b"\n", {"tool": 3}, line(1), b"nonsense\n")

    assert [index for index, _ in log] == [0, 3]
    assert log.bad.count == 3
    assert log.bad.numbers() == "2, 4, 6"
    assert [one.number for one in log.bad.first] == [2, 4, 6]


def test_many_bad_lines_are_told_in_spans() -> None:
    """A file of the wrong format says so in one line, not in a million."""
    log = reading(*[b"x\n"] * 5000, line(), b"x\n")
    found = list(log)

    assert len(found) == 1
    assert log.bad.numbers() == "1-5000, 5002"
    assert len(log.bad.first) == 20


def test_lines_that_are_no_call_are_counted() -> None:
    """A trail holds events as well."""
    log = Reading(lines([{"kind": "event"}]), reader_of(Format.TRAIL, compiled().definitions, {}))

    assert (list(log), log.others) == ([], 1)
