"""`personas usage`: permission that could go, and limits that will not last."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from typer.testing import CliRunner, Result

from authz.cli import usage
from authz.cli.failure import Failure
from tests.offline.logs import behaving, line
from tests.offline.trails import ago, write

app = typer.Typer()
app.command()(usage.command)
TEXT = behaving("  limits: [{name: pace, calls: 5, per: 1m}, {name: wide, calls: 500, per: 1m}]")


@pytest.fixture
def folders(tmp_path: Path) -> list[str]:
    """Definitions and a trail: four reads a day ago, one draft long ago."""
    (tmp_path / "defs").mkdir()
    (tmp_path / "defs" / "defs.yaml").write_text(TEXT)
    calls = [line(at=ago(60), tool="draft_reply", args={"body": "x"})]
    calls += [line(at=ago(1, one)) for one in range(4)]
    write(tmp_path / "state", TEXT, calls)
    return ["--defs", str(tmp_path / "defs"), "--state", str(tmp_path / "state")]


def ran(folders: list[str], *more: str) -> Result:
    """The command."""
    return CliRunner().invoke(app, [*folders, *more])


def found(folders: list[str], *more: str) -> list[dict[str, Any]]:
    """The remarks."""
    remarks: list[dict[str, Any]] = orjson.loads(ran(folders, *more, "--json").stdout)["remarks"]
    return remarks


def test_what_is_granted_and_never_used_is_named_with_its_line_and_edit(folders: list[str]) -> None:
    """A person can put it right without searching."""
    grants = [one for one in found(folders) if "grants" in one["what"]]

    assert [(one["what"], one["edit"]) for one in grants] == [
        (
            "tools[0] in tickets grants `file:///reports/*`, `search_tickets`, `triage`, never used",
            "tools: [get_ticket]",
        ),
        ("tools[1] in tickets grants `draft_reply`, none of it used", "remove tools[1]"),
    ]
    assert grants[0]["place"].endswith("defs.yaml:8")


def test_a_longer_look_finds_what_was_used_before(folders: list[str]) -> None:
    """`--since` says how far back."""
    assert not [one for one in found(folders, "--since", "90d") if "draft_reply" in one["what"]]


def test_data_classes_that_were_never_touched_are_named(folders: list[str]) -> None:
    """Layer 3b is permission as well."""
    (data,) = [one for one in found(folders) if "data class" in one["what"]]

    assert data["what"] == "data class `pii.contact`, `public` is allowed and was never touched"
    assert data["edit"] == "allow: [internal]"


def test_a_limit_that_is_nearly_used_up_is_named(folders: list[str]) -> None:
    """Four of five is near; four of five hundred is not."""
    near = [one["what"] for one in found(folders) if one["kind"] == "nearly"]

    assert near == ["rule `pace` is nearly used up: 4 of 5"]


def test_a_persona_that_nobody_used_is_named_whole(folders: list[str]) -> None:
    """One line, and not one for each of its grants."""
    assert [one["edit"] for one in found(folders, "--since", "1m")] == [
        "remove the persona, or move it out of the folder"
    ]


def test_people_read_it_as_lines(folders: list[str]) -> None:
    """What, where, and the edit."""
    out = ran(folders).stdout

    assert "4 calls since" in out
    assert "support: rule `pace` is nearly used up: 4 of 5" in out


def test_a_folder_without_a_trail_is_said(folders: list[str], tmp_path: Path) -> None:
    """One line with 2."""
    done = ran([*folders[:2], "--state", str(tmp_path)])

    assert isinstance(done.exception, Failure)
    assert "no trail here" in str(done.exception)
