"""Lists answered from pinned definitions."""

import mcp_types._v2026_07_28 as modern
import orjson
import pytest

from authz.core.app import Tool
from authz.decode.exchange import Exchange
from authz.decode.mcp.lists import list_result, listed
from tests.decode.requests import tool

SEARCH = b'{"name": "search", "description": "Find.",\n "inputSchema": {"type": "object"}}'
PINNED = tool("crm", "search", definition=SEARCH)
LIVE = tool("crm", "live")


def test_a_list_shows_the_pinned_text() -> None:
    """Not what the app says at this moment."""
    exchange = Exchange(protocol="mcp", method="tools/list", id=7, has_id=True)

    assert orjson.loads(list_result(exchange, [PINNED])) == {
        "jsonrpc": "2.0",
        "id": 7,
        "result": {"tools": [orjson.loads(SEARCH)]},
    }


def test_in_the_stateless_era_nobody_between_may_keep_the_list() -> None:
    """It differs by agent; and it is what the schema of 2026-07-28 asks for."""
    exchange = Exchange(protocol="mcp", method="tools/list", id=7, has_id=True, stateless=True)
    result = orjson.loads(list_result(exchange, [PINNED]))["result"]

    assert modern.ListToolsResult.model_validate(result).cache_scope == "private"
    assert (result["ttlMs"], result["resultType"]) == (0, "complete")


def test_on_the_virtual_endpoint_each_name_carries_its_app() -> None:
    """Two apps may have a tool of the same name."""
    exchange = Exchange(protocol="mcp", method="tools/list", id=7, has_id=True, virtual=True)
    other = tool("billing", "search", definition=SEARCH)
    tools = orjson.loads(list_result(exchange, [PINNED, other]))["result"]["tools"]

    assert [one["name"] for one in tools] == ["crm__search", "billing__search"]


@pytest.mark.parametrize(
    ("method", "tools", "expected"),
    [("tools/list", [PINNED], True), ("tools/list", [PINNED, LIVE], False), ("tools/call", [PINNED], False)],
)
def test_only_a_list_of_pinned_things_is_answered_here(
    method: str, tools: list[Tool], *, expected: bool
) -> None:
    """What is not pinned only the app can describe."""
    exchange = Exchange(protocol="mcp", method=method, id=7, has_id=True)

    assert listed(exchange, tools) is expected


def test_what_is_not_pinned_is_left_out() -> None:
    """Nobody has read its description."""
    exchange = Exchange(protocol="mcp", method="tools/list", id=7, has_id=True)

    assert orjson.loads(list_result(exchange, [LIVE]))["result"]["tools"] == []
