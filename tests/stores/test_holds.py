"""Callers that drift has suspended."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from authz.core.call import Agent, Caller
from authz.stores.holds import Holds, open_holds
from authz.stores.keys import StoreError

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
CALLER = Caller(agent=Agent(id="a"), user="u", persona="p", proof="token")
OTHER = Caller(agent=Agent(id="a"), user="another", persona="p", proof="token")


@pytest.fixture
def holds(tmp_path: Path) -> Iterator[Holds]:
    """A store of its own."""
    opened = open_holds(tmp_path)
    yield opened
    opened.close()


def test_a_hold_is_for_one_agent_under_one_user_and_persona(holds: Holds) -> None:
    """Another user's work goes on."""
    holds.hold_now(CALLER)

    assert (holds.held(CALLER), holds.held(OTHER)) == (True, False)


def test_a_hold_that_is_not_written_yet_outlives_a_look(holds: Holds, tmp_path: Path) -> None:
    """Somebody else's change must not undo ours."""
    elsewhere = open_holds(tmp_path)
    holds.hold_now(CALLER)
    elsewhere.write(OTHER, "why", AT)
    holds.refresh()

    assert holds.held(CALLER)
    assert holds.held(OTHER)
    elsewhere.close()


def test_a_hold_outlives_the_process(holds: Holds, tmp_path: Path) -> None:
    """A restart is no way out."""
    holds.write(CALLER, "rule `x`", AT)
    again = open_holds(tmp_path)

    assert again.held(CALLER)
    assert again.listed() == [("a", "u", "p", "rule `x`", AT.isoformat())]
    assert again.release("a", "u", "p")
    assert not again.release("a", "u", "p")
    again.close()


def test_a_folder_that_cannot_be_had_is_said_in_words(tmp_path: Path) -> None:
    """One line for the operator."""
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreError):
        open_holds(tmp_path / "file")
