"""MCP lists as drafts."""

from pathlib import Path

import orjson
import pytest

from authz.core.app import Access
from authz.importers import ImportProblem, from_mcp

CATALOGS = Path(__file__).resolve().parents[3] / "shared" / "data" / "catalogs"


@pytest.mark.parametrize(
    ("hints", "access"),
    [
        ({"readOnlyHint": True}, Access.READ),
        ({"readOnlyHint": False, "destructiveHint": True}, Access.DELETE),
        ({"destructiveHint": False}, Access.WRITE),
        ({"readOnlyHint": "true"}, Access.WRITE),
        ({}, Access.WRITE),
        (None, Access.WRITE),
    ],
)
def test_hints_become_access(hints: object, access: Access) -> None:
    """Only a plain true is one; without any, a tool counts as one that writes."""
    draft = from_mcp(orjson.dumps({"tools": [{"name": "x", "annotations": hints}]}))

    assert [one.access for one in draft.tools] == [access]


def test_what_no_call_may_carry_is_left_out_and_told() -> None:
    """A name with a look-alike would never match."""
    draft = from_mcp(orjson.dumps([{"name": "ok"}, {"name": "o k"}, {"name": "ok"}, {"title": "x"}, 7]))

    assert [one.name for one in draft.tools] == ["ok"]
    assert len(draft.left_out) == 4


def test_prompts_and_resources_are_taken_over() -> None:
    """A template becomes a pattern."""
    lists = {
        "tools": [],
        "prompts": [{"name": "triage"}],
        "resources": [{"uri": "file:///a"}],
        "resourceTemplates": [{"uriTemplate": "file:///reports/{id}/{part}.md"}, {"uriTemplate": "x{"}],
    }
    draft = from_mcp(orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": lists}))

    assert (draft.prompts, draft.resources) == (["triage"], ["file:///a", "file:///reports/*/*.md", "x*"])


@pytest.mark.parametrize("data", [b"", b"{}", b'"x"', b'{"tools": {}}', b"[1"])
def test_what_lists_nothing_is_refused(data: bytes) -> None:
    """Said in one line."""
    with pytest.raises(ImportProblem):
        from_mcp(data)


@pytest.mark.data
@pytest.mark.parametrize(("file", "tools", "deleting"), [("github", 117, 10), ("atlassian", 98, 24)])
def test_real_catalogues_are_taken_over_whole(file: str, tools: int, deleting: int) -> None:
    """As their servers published them."""
    draft = from_mcp((CATALOGS / f"{file}_mcp_tools.json").read_bytes())

    assert (len(draft.tools), len(draft.left_out)) == (tools, 0)
    assert sum(one.access is Access.DELETE for one in draft.tools) == deleting
