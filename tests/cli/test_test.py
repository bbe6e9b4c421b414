"""`personas test`: cases inside personas and beside them, told like a test runner does."""

import json
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from authz.cli import test as under_test
from authz.cli.failure import Failure
from tests.compiler.world import APPS, PEOPLE, PERSONA

app = typer.Typer()
app.command()(under_test.command)

TESTS = """\
tests:
  - name: reads a ticket
    call: {app: tickets, tool: get_ticket}
    expect: allow
  - name: cannot adjust a balance
    call: {app: billing, tool: adjust_balance, args: {account: A-1, amount: 120}}
    expect: deny
    reasons: [tool.not-granted]
"""
WRONG = """\
  - name: closes a ticket
    call: {app: tickets, tool: close_ticket}
    expect: allow
"""
LIMITS = """\
behaviour:
  limits: [{name: pace, calls: 2, per: 1m}]
  probes: {outcomes: [not_found], max: 1, per: 1h, remember: 7d}
"""
CASES = """\
apiVersion: personas/v1
kind: Cases
persona: support
tests:
  - name: the third call in a minute is too much
    history: [{app: tickets, tool: get_ticket, times: 2, ago: 59s}]
    call: {app: tickets, tool: get_ticket}
    expect: deny
    reasons: [behaviour.limit]
  - name: a minute later it is not
    history: [{app: tickets, tool: get_ticket, times: 2, ago: 61s}]
    call: {app: tickets, tool: get_ticket}
    expect: allow
  - name: a second guess is a probe
    history: [{app: tickets, tool: get_ticket, args: {ticket: T-0}, outcome: not_found, ago: 5m}]
    call: {app: tickets, tool: get_ticket, args: {ticket: T-0}}
    expect: deny
    reasons: [behaviour.probe]
"""


def run(folder: Path, *more: str, persona: str = PERSONA + TESTS, cases: str = "") -> tuple[int, str]:
    """Exit status and what is printed."""
    (folder / "all.yaml").write_text(persona + APPS + PEOPLE)
    if cases:
        (folder / "all.cases.yaml").write_text(cases)
    done = CliRunner().invoke(app, [str(folder), *more])
    if isinstance(done.exception, Failure):
        return done.exception.code, str(done.exception)
    return done.exit_code, done.output


def test_passing_cases_end_with_0(tmp_path: Path) -> None:
    """A line a file, and the sum."""
    status, output = run(tmp_path)

    assert status == 0
    assert f"{tmp_path}/all.yaml .." in output
    assert "2 passed" in output


def test_a_failed_case_ends_with_1_and_says_where_and_why(tmp_path: Path) -> None:
    """What was expected, what came, and which line of the persona decided."""
    status, output = run(tmp_path, persona=PERSONA + TESTS + WRONG)

    assert status == 1
    assert f"FAILED {tmp_path}/all.yaml:23 closes a ticket" in output
    assert "expected allow, got denied (tool.not-granted)" in output
    assert f"({tmp_path}/all.yaml:7)" in output
    assert "1 failed, 2 passed" in output


def test_a_reason_that_is_absent_fails_the_case(tmp_path: Path) -> None:
    """Denied for another reason is not what was tested."""
    status, output = run(tmp_path, persona=PERSONA + TESTS.replace("tool.not-granted", "tool.condition"))

    assert status == 1
    assert "expected tool.condition among the reasons" in output


def test_cases_beside_the_definitions_have_a_history(tmp_path: Path) -> None:
    """Behaviour is tested by what came before, with its outcomes."""
    status, output = run(tmp_path, persona=PERSONA + LIMITS + TESTS, cases=CASES)

    assert status == 0, output
    assert f"{tmp_path}/all.cases.yaml ..." in output
    assert "5 passed" in output


def test_coverage_names_what_no_case_exercises(tmp_path: Path) -> None:
    """A grant that no case needs is a grant that nobody would miss."""
    _, output = run(tmp_path, "--coverage", persona=PERSONA + LIMITS + TESTS, cases=CASES)

    assert "coverage: 3 of 4 grants and rules (75 %)" in output
    assert f"no case exercises tools[1] of support  {tmp_path}/all.yaml:10" in output


def test_one_case_can_be_chosen(tmp_path: Path) -> None:
    """While it is being written."""
    assert "1 passed" in run(tmp_path, "-k", "balance")[1]


def test_json_has_every_case(tmp_path: Path) -> None:
    """For scripts."""
    status, output = run(tmp_path, "--json", "--coverage", persona=PERSONA + TESTS + WRONG)

    found: dict[str, Any] = json.loads(output)
    assert (status, found["passed"], found["failed"]) == (1, 2, 1)
    assert [one["failure"] for one in found["cases"]][:2] == [None, None]
    assert found["cases"][1]["reasons"] == ["tool.not-granted", "data.not-allowed"]
    assert [one["name"] for one in found["unexercised"]] == ["tools[1]"]


def test_definitions_that_do_not_compile_end_with_1(tmp_path: Path) -> None:
    """Nothing was tested, which is a failure."""
    assert run(tmp_path, persona=PERSONA.replace("access: [read]", "access: [reed]"))[0] == 1
