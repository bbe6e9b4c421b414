"""ContextForge's audit trail."""

from authz.offline.reading import Format
from authz.offline.told import Told
from tests.offline.logs import read

ROW = {
    "timestamp": "2026-03-02T10:00:00+00:00",
    "action": "EXECUTE",
    "resource_type": "tool",
    "resource_name": "tickets-get_ticket",
    "user_id": "u1",
    "user_email": "alice@example.com",
    "success": True,
    "context": {
        "details": {"gateway_name": "tickets", "arguments": {"ticket": "T-1"}, "agent_id": "summarizer"}
    },
}


def test_a_tool_that_was_executed_is_a_call() -> None:
    """Who, when, what, whether it worked, and the arguments where the row holds them."""
    (found,) = read(Format.CONTEXTFORGE, ROW)

    assert isinstance(found, Told)
    assert (found.app, found.tool, found.args) == ("tickets", "get_ticket", {"ticket": "T-1"})
    assert (found.user, found.outcome) == ("alice@example.com", "ok")


def test_a_row_without_arguments_does_not_show_them() -> None:
    """Then a rule that needs one is undecided."""
    (found,) = read(Format.CONTEXTFORGE, {**ROW, "context": None, "success": False})

    assert isinstance(found, Told)
    assert (found.app, found.tool) == ("tickets", "get_ticket")
    assert (found.whole, found.outcome) == (False, "error")


def test_rows_about_what_was_configured_are_no_calls() -> None:
    """Most of an audit trail is about tools being made and changed."""
    assert read(Format.CONTEXTFORGE, {**ROW, "action": "UPDATE"}, {**ROW, "resource_type": "server"}) == []
