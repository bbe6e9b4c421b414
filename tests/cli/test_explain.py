"""`personas explain`: one call, all layers, the line that decided."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from authz.cli import explain
from authz.cli.failure import Failure
from tests.compiler.world import WHOLE, swapped

app = typer.Typer()
app.command()(explain.command)


def said(folder: Path, call: object, *more: str, text: str = WHOLE) -> tuple[int, str]:
    """Exit status, and what is printed; the message where it fails."""
    (folder / "defs.yaml").write_text(text)
    line = call if isinstance(call, str) else json.dumps(call)
    done = CliRunner().invoke(app, ["--defs", str(folder), "--call", line, *more])
    if isinstance(done.exception, Failure):
        return done.exception.code, str(done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def as_object(folder: Path, call: object, text: str = WHOLE) -> dict[str, Any]:
    """The JSON."""
    status, output = said(folder, call, "--json", text=text)
    found: dict[str, Any] = json.loads(output)
    assert status == {"allow": 0, "deny": 3}[found["decision"]]
    return found


def test_an_allow_ends_with_0_and_names_the_grant(tmp_path: Path) -> None:
    """The person sees which line permitted it."""
    status, output = said(tmp_path, {"app": "tickets", "tool": "get_ticket"})

    assert status == 0
    assert output.count("✓ pass") == 5
    assert f"granted by tools[0], {tmp_path}/defs.yaml:8" in output
    assert f"allow, allowed  (decided at {tmp_path}/defs.yaml:8)" in output


def test_a_deny_ends_with_3_and_shows_every_layer_with_its_reason(tmp_path: Path) -> None:
    """All that is wrong at once, each with its line."""
    call = {
        "app": "billing",
        "tool": "adjust_balance",
        "args": {"account": "A-1"},
        "user": "carol@example.com",
    }

    status, output = said(tmp_path, call)

    assert status == 3
    rows = {line.split("  ")[0].strip(): line for line in output.splitlines() if "✓" in line or "✗" in line}
    assert list(rows) == ["1 user", "2 agent", "3 tool", "3 data", "4 behaviour"]
    assert "user.not-in-persona" in rows["1 user"]
    assert f"{tmp_path}/defs.yaml:4" in rows["1 user"]
    assert "user.not-entitled" in output
    assert "✓ pass" in rows["2 agent"]
    assert "tool.not-granted" in rows["3 tool"]
    assert f"{tmp_path}/defs.yaml:7" in rows["3 tool"]
    assert "data.not-allowed" in rows["3 data"]


def test_json_has_what_the_table_has(tmp_path: Path) -> None:
    """For scripts; the words are those of the forensic record."""
    found = as_object(tmp_path, {"app": "billing", "tool": "adjust_balance", "args": {"account": "A-1"}})

    assert found["effect"] == "denied"
    assert found["layers"] == {
        "user": "pass",
        "agent": "pass",
        "tool": "fail",
        "data": "fail",
        "behaviour": "pass",
    }
    assert [one["code"] for one in found["reasons"]] == ["tool.not-granted", "data.not-allowed"]
    assert found["reasons"][0]["place"] == f"{tmp_path}/defs.yaml:7"
    assert found["action"] == {"app": "billing", "tool": "adjust_balance", "access": "write", "target": "A-1"}
    assert found["data"] == ["financial"]
    assert found["assumed"] == ["agent", "user", "at"]
    assert (found["user"], found["agent"]["id"]) == ("alice@example.com", "summarizer")


def test_a_call_that_names_nobody_assumes_who_may_do_it_inside_the_hours(tmp_path: Path) -> None:
    """The question is what the persona permits, and not who happens to ask."""
    hours = '{timezone: Asia/Tokyo, days: [sat], from: "03:00", to: "03:30"}'
    text = swapped("data:\n  allow", f"behaviour:\n  hours: {hours}\ndata:\n  allow")

    assert as_object(tmp_path, {"app": "tickets", "tool": "get_ticket"}, text)["decision"] == "allow"
    late = {"app": "tickets", "tool": "get_ticket", "at": "2026-01-05T12:00:00Z"}
    assert [one["code"] for one in as_object(tmp_path, late, text)["reasons"]] == ["behaviour.hours"]


def test_an_empty_history_is_still_counted(tmp_path: Path) -> None:
    """One call may be too much by itself."""
    limit = "behaviour:\n  limits: [{name: spend, sum: args.amount, max: 500, per: 1d}]\ndata:\n"
    text = swapped("data:\n  allow", f"{limit}  allow")

    found = as_object(tmp_path, {"app": "tickets", "tool": "get_ticket", "args": {"amount": 501}}, text)

    assert [one["code"] for one in found["reasons"]] == ["behaviour.limit"]
    assert found["counted"] == {"spend": 501}


def test_shadow_is_a_deny_that_is_let_through(tmp_path: Path) -> None:
    """The decision is what it is; the effect is what becomes of it."""
    text = swapped("users: {groups: [support-agents]}", "mode: shadow\nusers: {groups: [support-agents]}")

    found = as_object(tmp_path, {"app": "tickets", "tool": "close_ticket"}, text)

    assert (found["decision"], found["effect"]) == ("deny", "shadowed")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("{", "--call: is not JSON"),
        ("[]", "--call: expected a mapping"),
        ({"app": "tickets"}, "--call: `tool` is missing"),
        ({"app": "tickets", "tool": "x", "usr": "a"}, "--call: unknown key `usr`, did you mean `user`?"),
        ({"tool": "x", "at": "2026-01-05T12:00:00"}, "has no offset"),
        ({"tool": "x", "at": "yesterday"}, "is no instant"),
        (
            {"tool": "x", "persona": "suport"},
            "no persona `suport` in the definitions, did you mean `support`?",
        ),
    ],
)
def test_a_call_that_is_none_is_one_line_and_status_2(tmp_path: Path, call: object, message: str) -> None:
    """Wrong usage, and never a traceback."""
    status, output = said(tmp_path, call)

    assert status == 2
    assert message in output
    assert "\n" not in output


def test_definitions_that_do_not_compile_are_status_2(tmp_path: Path) -> None:
    """Neither allow nor deny: a script must not take it for one."""
    many = said(tmp_path, {"tool": "x"}, text="kind: Persona\n")
    one = said(tmp_path, {"tool": "x"}, text="kind: Persna\n")

    assert many == (2, f"{tmp_path}: 4 errors in the definitions")
    assert one == (2, f"{tmp_path}/defs.yaml:1:7: unknown kind `Persna`, did you mean `Persona`?")


def test_what_a_call_says_is_shown_and_not_obeyed(tmp_path: Path) -> None:
    """A name from a log may hold escape codes and markup."""
    _, output = said(tmp_path, {"app": "tickets", "tool": "\x1b[2J[red]x[/red]"})

    assert "\x1b" not in output
    assert "\\x1b[2J[red]x[/red]" in output
