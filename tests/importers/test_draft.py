"""How a draft of an app is written."""

import pytest
import yaml

from authz.compiler import SourceFile, compile_set
from authz.core.app import Access
from authz.importers import Draft, DraftTool, ImportProblem, app_document
from authz.importers.draft import one_line, plain_name

DRAFT = Draft(
    protocol="mcp",
    tools=[DraftTool(name="search", access=Access.READ, title="Search: 'all' {of} it")],
    prompts=["triage"],
    resources=["file:///reports/*"],
)


def test_a_draft_compiles_and_everything_in_it_is_to_be_looked_at() -> None:
    """Nothing that was imported may be called before a person has agreed."""
    text = app_document("crm", DRAFT, url="http://127.0.0.1:8203/mcp")
    app = compile_set([SourceFile("crm.yaml", text.encode())]).definitions.apps["crm"]

    assert all(one.review for one in (*app.tools.values(), *app.resources, *app.prompts.values()))
    assert (app.url, app.tools["search"].access) == ("http://127.0.0.1:8203/mcp", Access.READ)


@pytest.mark.parametrize("name", ["CRM", "c_r_m", "", "a b", "a\n"])
def test_an_odd_name_of_an_app_is_refused(name: str) -> None:
    """It would be part of tool names and files."""
    with pytest.raises(ImportProblem):
        app_document(name, DRAFT)


def test_an_app_that_can_do_nothing_is_refused() -> None:
    """More likely the wrong file."""
    with pytest.raises(ImportProblem):
        app_document("crm", Draft(protocol="mcp", tools=[]))


def test_what_an_app_says_of_itself_cannot_leave_its_line() -> None:
    """It comes from outside."""
    assert one_line("Search\nreview: false") == "Search"
    assert one_line("a\u202eb\x1b[31m") == "ab[31m"
    assert one_line(None) == ""
    draft = Draft(
        protocol="mcp", tools=[DraftTool(name="x", access=Access.READ, title="a}, review: false} # ")]
    )
    assert yaml.safe_load(app_document("crm", draft))["tools"][0]["review"] is True


def test_names_are_made_plain() -> None:
    """Operation ids may hold anything."""
    assert plain_name("admin/apps approve()") == "admin_apps_approve"
