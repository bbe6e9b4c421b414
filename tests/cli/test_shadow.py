"""`personas shadow`: nothing is enforced before a person has seen what it would refuse."""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

from authz.cli.failure import Failure
from authz.cli.shadow import app
from authz.stores.trail import read_records, verify
from tests.compiler.world import swapped
from tests.offline.browser import overflow
from tests.offline.logs import line
from tests.offline.trails import ago, write

HEAD = "users: {groups: [support-agents]}\nagents"
SHADOW = swapped(HEAD, f"mode: shadow   # soon\n{HEAD}")


@pytest.fixture
def defs(tmp_path: Path) -> Path:
    """A persona in shadow mode."""
    folder = tmp_path / "defs"
    folder.mkdir()
    (folder / "defs.yaml").write_text(SHADOW)
    return folder


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Ten days: three would-be denials at first, one later, and calls that fit."""
    calls = [line(at=ago(10, one), tool="close_ticket") for one in range(3)]
    calls += [line(at=ago(9 - day)) for day in range(8)]
    calls.append(line(at=ago(0.5), app="billing", tool="adjust_balance", args={"account": "A-1"}))
    write(tmp_path / "state", SHADOW, calls)
    return tmp_path / "state"


def ran(*words: object) -> Result:
    """The command."""
    return CliRunner().invoke(app, [str(one) for one in words])


def reported(state: Path, *more: object) -> dict[str, Any]:
    """The report as JSON."""
    found: dict[str, Any] = orjson.loads(ran("report", "--state", state, "--json", *more).stdout)
    return found


def refused(done: Result) -> str:
    """Why a command would not."""
    assert isinstance(done.exception, Failure), done.output
    return str(done.exception)


def test_the_report_tells_would_be_denials_by_agent_and_reason(state: Path) -> None:
    """And by day, so that one can see them become fewer."""
    found = reported(state)

    assert (found["calls"], found["would_be_denied"]) == (12, 4)
    assert [(one["agent"], one["called"], one["reasons"], one["calls"]) for one in found["findings"]] == [
        ("summarizer", "billing/adjust_balance", ["data.not-allowed", "tool.not-granted"], 1),
        ("summarizer", "tickets/close_ticket", ["tool.not-granted"], 3),
    ]
    assert next(iter(found["days"]["support"].values())) == 3
    assert re.search(r"support: fewer: 3 then 1", ran("report", "--state", state).stdout)


def test_promotion_is_refused_while_something_is_not_reviewed(defs: Path, state: Path) -> None:
    """What would break tomorrow is looked at today."""
    done = ran("promote", "support", "--defs", defs, "--state", state)

    assert "4 would-be denials of 2 kinds are not reviewed" in refused(done)
    assert "mode: shadow" in (defs / "defs.yaml").read_text()


def test_reviewed_denials_are_recorded_and_then_it_is_enforced(defs: Path, state: Path) -> None:
    """Who looked, when and why is on the trail; the file keeps its comments."""
    assert (
        "reviewed: 2 of support"
        in ran("review", "support", "--state", state, "--reason", "not its job", "--by", "kim").output
    )

    done = ran("promote", "support", "--defs", defs, "--state", state, "--by", "kim")

    assert done.exit_code == 0, done.exception
    assert "mode: enforce   # soon" in (defs / "defs.yaml").read_text()
    events = [one["event"] for one in read_records(state) if one["kind"] == "event"]
    assert [one["what"] for one in events if isinstance(one, dict)] == [
        "shadow.reviewed", "shadow.reviewed", "shadow.promoted",
    ]  # fmt: skip
    assert not verify(state).problems
    assert "enforced already" in refused(ran("promote", "support", "--defs", defs, "--state", state))


def test_one_finding_can_be_reviewed_by_itself(state: Path) -> None:
    """Two people, two opinions."""
    first = reported(state)["findings"][1]["first"]
    ran("review", "support", "--state", state, "--reason", "known", "--by", "kim", "--decision", first)

    assert [one["open"] for one in reported(state)["findings"]] == [True, False]
    assert "nothing is open" in refused(
        ran("review", "support", "--state", state, "--reason", "x", "--by", "kim", "--decision", first)
    )


def test_what_the_definitions_allow_by_now_is_no_longer_open(defs: Path, state: Path) -> None:
    """Widening the persona is the other way to be done."""
    wide = SHADOW.replace(
        "tools: [draft_reply]\n    when: 'args.body.size() < 4000'", "tools: [close_ticket]"
    )
    (defs / "defs.yaml").write_text(wide)

    assert [one["open"] for one in reported(state, "--defs", defs)["findings"]] == [True, False]


def test_without_a_call_on_record_nothing_is_promoted(defs: Path, state: Path) -> None:
    """No denial in an empty log shows nothing."""
    done = ran("promote", "support", "--defs", defs, "--state", state, "--since", "1m")

    assert "no call on record" in refused(done)


def test_a_persona_that_is_not_there_is_said(defs: Path, state: Path) -> None:
    """One line with 2."""
    assert "no persona `other`" in refused(ran("promote", "other", "--defs", defs, "--state", state))


def test_the_page_is_one_file_without_a_network(state: Path, tmp_path: Path) -> None:
    """For the meeting in which it is decided."""
    page = tmp_path / "shadow.html"
    ran("report", "--state", state, "--html", page)

    text = page.read_text()
    assert "default-src 'none'" in text
    assert "tickets/close_ticket" in text


@pytest.mark.system("chromium")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_a_desk_and_a_telephone(state: Path, tmp_path: Path, width: int) -> None:
    """As the browser measures it."""
    page = tmp_path / "shadow.html"
    ran("report", "--state", state, "--html", page)

    assert overflow(page, width, tmp_path) <= 0
