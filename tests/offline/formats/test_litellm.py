"""LiteLLM's standard logging payload."""

from authz.core.call import Agent
from authz.offline.reading import Format
from authz.offline.told import Told
from tests.offline.logs import read

CALL = {
    "call_type": "call_mcp_tool",
    "status": "success",
    "startTime": 1772445600.5,
    "end_user": "alice@example.com",
    "trace_id": "t-1",
    "metadata": {
        "user_api_key_alias": "summarizer",
        "mcp_tool_call_metadata": {
            "name": "get_ticket",
            "arguments": {"ticket": "T-1"},
            "mcp_server_name": "tickets",
            "namespaced_tool_name": "tickets/get_ticket",
        },
    },
}


def test_an_mcp_tool_call_is_a_call() -> None:
    """Server, tool, arguments, key and user are all there."""
    (found,) = read(Format.LITELLM, CALL)

    assert isinstance(found, Told)
    assert (found.app, found.tool, found.args) == ("tickets", "get_ticket", {"ticket": "T-1"})
    assert (found.agent, found.user, found.outcome) == (Agent(id="summarizer"), "alice@example.com", "ok")


def test_metadata_may_be_a_text() -> None:
    """Spend logs in a database hold JSON as text, and instants as text."""
    text = '{"mcp_tool_call_metadata": {"name": "tickets-get_ticket", "mcp_server_name": "tickets"}}'

    (found,) = read(Format.LITELLM, {**CALL, "metadata": text, "startTime": "2026-03-02T10:00:00Z"})

    assert isinstance(found, Told)
    assert (found.app, found.tool, found.whole) == ("tickets", "get_ticket", False)


def test_a_failure_is_an_outcome() -> None:
    """As far as its code tells."""
    missed = {**CALL, "status": "failure", "error_information": {"error_code": "404"}}
    broken = {**CALL, "status": "failure"}

    assert [one.outcome for one in read(Format.LITELLM, missed, broken)] == ["not_found", "error"]


def test_calls_of_models_are_no_calls_of_tools() -> None:
    """The same log holds both."""
    assert read(Format.LITELLM, {"call_type": "acompletion", "model": "x"}) == []
