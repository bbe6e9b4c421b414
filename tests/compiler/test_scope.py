"""References: resolved in one place, or objected to with what was probably meant."""

from authz.compiler.problem import Problems
from authz.compiler.scope import AppScope, Scope
from authz.core.app import Access, App, Place, Tool

HERE = Place("f.yaml", 1, 1)


def tool(name: str, *, review: bool = False) -> Tool:
    """A tool that reads."""
    return Tool(app="a", name=name, access=Access.READ, review=review)


APP = AppScope.of(
    App(
        name="a",
        protocol="mcp",
        tools={one.name: one for one in (tool("get"), tool("get_all"), tool("get_new", review=True))},
        prompts={"triage": tool("triage")},
    )
)


def test_a_pattern_finds_what_was_reviewed_and_a_name_finds_itself() -> None:
    """A name is a person's word for that very tool; and an unreviewed tool is denied all the same."""
    scope = Scope(Problems())

    assert scope.tools(APP, [("get*", HERE)]) == {"get", "get_all"}
    assert scope.tools(APP, [("get_new", HERE), ("get", HERE)]) == {"get_new", "get"}
    assert scope.tools(APP, []) == frozenset()
    assert scope.problems.errors == []


def test_prompts_and_resources_are_found_where_they_are_asked_for() -> None:
    """`except:` takes them out of a grant by access; `tools:` never names them."""
    scope = Scope(Problems())

    assert scope.tools(APP, [("triage", HERE)], others=True) == {"triage"}
    assert scope.tools(APP, [("triage", HERE)]) == frozenset()
    assert [one.message for one in scope.problems.errors] == ["app `a` has no tool `triage`"]


def test_what_could_not_be_read_is_not_unknown() -> None:
    """The mistake is told where it is, and not at everything that refers to it."""
    scope = Scope(Problems(), dropped={"tickets"})

    scope.unknown("app", "tickets", [], HERE)
    scope.unknown("app", "crm", ["crn"], HERE)

    assert [one.message for one in scope.problems.errors] == ["unknown app `crm`, did you mean `crn`?"]
