"""The call log: what the usual way reads, the model would read as well."""

import pytest

from authz.offline.formats.calls import CallsReader
from authz.offline.told import BadLineError, Told
from tests.offline.logs import line


def one(reader: CallsReader, value: object) -> Told:
    """The call of a line."""
    (found,) = reader.read(value)
    return found


def test_the_quick_way_and_the_model_read_the_same() -> None:
    """The second line of a kind is read without the model; nothing may depend on which it was."""
    reader = CallsReader()
    for value in (line(), line(persona=None), line(args=None), line(outcome=None), line(session=None)):
        assert one(CallsReader(), value) == one(reader, value) == one(reader, value)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (7, "expected"),
        ({}, "`tool` is missing"),
        (line(tool=""), "not empty"),
        (line(at="yesterday"), "is no instant"),
        (line(at="2026-03-02T10:00:00"), "has no offset"),
        (line(outcome="fine"), "is none of"),
        (line(args=[1]), "expected a mapping"),
        (line(agent={"name": "x"}), "unknown key `name`"),
        (line(extra=1), "unknown key `extra`"),
        (line(persona="no such name!"), "is no name"),
    ],
    ids=str,
)
def test_what_is_no_call_is_told_apart(value: object, why: str) -> None:
    """A line that is guessed at would be a decision about something else."""
    with pytest.raises(BadLineError) as caught:
        CallsReader().read(value)
    assert why in str(caught.value)


def test_a_reader_that_has_seen_good_lines_still_refuses_bad_ones() -> None:
    """What was learned from good lines is no way around the model."""
    reader = CallsReader()
    reader.read(line())
    for bad in (line(at="x"), line(user=3), line(tool=None), line(agent={"id": []}), line(extra=1)):
        with pytest.raises(BadLineError):
            reader.read(bad)
