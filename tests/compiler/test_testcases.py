"""Cases: inside personas, and beside them."""

import pytest

from authz.compiler import SourceFile, compile_set
from tests.compiler.world import APPS, FILE, PEOPLE, PERSONA, WHOLE, compiled, errors

CASE = "  - {name: a, call: {app: tickets, tool: get_ticket}, expect: allow}\n"


def test_cases_are_found_with_their_persona_and_place() -> None:
    """So that a failed one can be gone to."""
    [case] = compiled(f"{PERSONA}tests:\n{CASE}{APPS}{PEOPLE}").cases

    assert (case.name, case.persona, str(case.place)) == ("a", "support", "defs.yaml:16")


def test_a_file_of_cases_enforces_nothing() -> None:
    """It changes no digest, and holds no definitions."""
    header = "apiVersion: personas/v1\nkind: Cases\npersona: support\ntests:\n"
    files = [SourceFile(FILE, WHOLE.encode()), SourceFile("x.cases.yaml", f"{header}{CASE}".encode())]

    made = compile_set(files)

    assert [one.name for one in made.cases] == ["a"]
    assert made.definitions.digest == compiled().definitions.digest
    [found] = errors(f"{header}{CASE}")
    assert found.endswith("unknown kind `Cases`")


@pytest.mark.parametrize(
    ("case", "problem"),
    [
        (
            "{name: a, call: {tool: x}, expect: deny, reasons: [tool.not-grantd]}",
            "unknown reason code `tool.not-grantd`, did you mean `tool.not-granted`?",
        ),
        ("{name: a, call: {tool: x}, expect: denied}", "`denied` is none of allow, deny, flag, shadow"),
        ("{name: a, call: {tool: x}}", "`expect` is missing"),
        ("{name: a, call: {tol: x}, expect: deny}", "unknown key `tol`, did you mean `tool`?"),
        (
            "{name: a, call: {tool: x}, expect: deny, history: [{tool: x, ago: 5}]}",
            "like `30s`, `10m`, `1h` or `1d`",
        ),
    ],
)
def test_a_case_that_cannot_be_meant_is_an_error(case: str, problem: str) -> None:
    """A case that tests nothing passes for ever."""
    found = errors(f"{PERSONA}tests:\n  - {case}\n{APPS}{PEOPLE}")

    assert any(one.endswith(problem) for one in found), found
