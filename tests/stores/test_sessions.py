"""Whose MCP session it is."""

from datetime import UTC, datetime, timedelta

from authz.core.call import Agent, Caller
from authz.stores.sessions import LASTS, Sessions

AT = datetime(2026, 7, 1, tzinfo=UTC)
ALICE = Caller(agent=Agent(id="a"), user="alice", persona="p", key="k1")
BOB = Caller(agent=Agent(id="a"), user="bob", persona="p", key="k2")


def test_a_session_is_that_of_the_first_who_uses_it() -> None:
    """Another who presents it has learned it somewhere; a rotated key is the same caller."""
    sessions = Sessions()
    sessions.bind("crm", "s", ALICE, AT)
    rotated = Caller(agent=Agent(id="a"), user="alice", persona="p", key="k9")

    assert sessions.belongs_to_another("crm", "s", BOB, AT)
    assert not sessions.belongs_to_another("crm", "s", rotated, AT)
    assert not sessions.belongs_to_another("wiki", "s", BOB, AT)
    assert not sessions.belongs_to_another("crm", "other", BOB, AT)


def test_a_session_unused_for_long_is_forgotten() -> None:
    """An app may give the same id again."""
    sessions = Sessions()
    sessions.bind("crm", "s", ALICE, AT)

    assert sessions.belongs_to_another("crm", "s", BOB, AT + LASTS - timedelta(seconds=1))
    assert not sessions.belongs_to_another("crm", "s", BOB, AT + LASTS)


def test_the_number_of_sessions_is_bounded() -> None:
    """The one unused for longest goes first."""
    sessions = Sessions(most=2)
    for name in ("a", "b", "a", "c"):
        sessions.bind("crm", name, ALICE, AT)

    assert [sessions.belongs_to_another("crm", name, BOB, AT) for name in "abc"] == [True, False, True]
