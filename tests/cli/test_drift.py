"""`personas drift`: what left its baseline, and the story of one call."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from authz.audit import Fact, decision_record
from authz.core.call import Agent, Caller
from authz.core.request import Request
from authz.core.rule import Drift, Repeats
from authz.stores.histories_memory import MemoryHistories
from authz.stores.holds import open_holds
from authz.stores.trail import Trail, open_digester, read_records
from tests.behaviour.builders import START, build_call, build_job, build_rule, decide_one

COMMAND = [sys.executable, "-m", "authz.cli.main", "drift"]
JOB = build_job(build_rule(Repeats(per=timedelta(hours=1)), 3, "repeats", on_drift=Drift.FLAG))


def drift(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would."""
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A trail: three ordinary calls, then six times the same."""
    now = datetime.now(UTC) - timedelta(hours=2)
    ago = (now - START).total_seconds()
    histories = MemoryHistories()
    with Trail.open(tmp_path) as trail:
        digester = open_digester(tmp_path)
        for number in range(9):
            path = f"/{number}" if number < 3 else "/<b>same</b>"
            call = build_call(ago + number, tool=path.strip("/")[:20] or "x", args={"path": path})
            decision, history = decide_one(histories, call, JOB)
            fact = Fact(
                id=f"d{number}",
                at=call.at,
                request=Request(),
                decision=decision,
                latency_us=0,
                caller=call.caller,
                call=call,
                persona=JOB,
                history=history,
            )
            trail.append([decision_record(fact, digester)])
    return tmp_path


def test_the_report_says_who_drifted_since_when_and_what_it_cost(state: Path) -> None:
    """By agent and persona, with the calls around the beginning."""
    done = drift("--state", str(state), "--since", "7d", "--json")
    one = orjson.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert (one["agent"], one["persona"], one["calls"], one["drifted"], one["since_began"]) == (
        "coder",
        "coding",
        9,
        3,
        3,
    )
    assert [told["id"] for told in one["around"]] == ["d3", "d4", "d5", "d6", "d7", "d8"]
    assert one["rules"] == {"repeats": 3}


def test_in_a_terminal_it_is_a_picture(state: Path) -> None:
    """Sparklines and words."""
    done = drift("--state", str(state))

    assert done.returncode == 0, done.stderr
    assert "coder under coding" in done.stdout
    assert "█" in done.stdout


def test_as_a_page_it_loads_nothing_and_trusts_nobody(state: Path, tmp_path: Path) -> None:
    """An agent chooses names; they must not become markup."""
    html = tmp_path / "drift.html"
    done = drift("--state", str(state), "--html", str(html))
    text = html.read_text(encoding="utf-8")

    assert done.returncode == 0, done.stderr
    assert "<svg" in text
    assert "<script" not in text
    assert "http" not in text
    assert "<b>" not in text


def test_nothing_to_tell_is_said_so(state: Path) -> None:
    """Silence would look like a failure."""
    assert drift("--state", str(state), "--since", "1m").stdout == "nothing left its baseline\n"


def test_the_story_of_one_call_has_what_came_before(state: Path) -> None:
    """The rule, its figure, and the calls that led to it."""
    told = drift("explain", "d6", "--state", str(state))
    plain = orjson.loads(drift("explain", "d6", "--state", str(state), "--json").stdout)

    assert told.returncode == 0, told.stderr
    assert "rule `repeats`: 4 is above 3" in told.stdout
    assert [one["id"] for one in plain["before"]] == [f"d{n}" for n in range(6)]


def test_only_a_person_resumes_whom_drift_has_suspended(tmp_path: Path) -> None:
    """With a reason, and on the trail."""
    caller = Caller(agent=Agent(id="a"), user="u", persona="p", proof="token")
    holds = open_holds(tmp_path)
    holds.write(caller, "rule `tripwire`: 1 is above 0", START)
    holds.close()
    whom = ("--agent", "a", "--user", "u", "--persona", "p", "--state", str(tmp_path), "--by", "bob")

    listed = drift("held", "--state", str(tmp_path)).stdout
    unknown = drift("resume", *whom[2:], "--agent", "b", "--reason", "x")
    silent = drift("resume", *whom, "--reason", " ")
    done = drift("resume", *whom, "--reason", "a false alarm")
    events = [one["event"] for one in read_records(tmp_path) if one["kind"] == "event"]

    assert "rule `tripwire`" in listed
    assert (unknown.returncode, silent.returncode, done.returncode) == (1, 2, 0)
    assert events == [{"what": "caller.resumed", "by": "bob", "reason": "a false alarm"}]
    assert drift("held", "--state", str(tmp_path)).stdout == "nobody is held\n"


@pytest.mark.parametrize(
    ("words", "code"),
    [(("explain", "nothing"), 1), (("--since", "soon"), 2), (("--html", "/no/such/folder/x.html"), 2)],
)
def test_what_cannot_be_done_is_said_in_words(state: Path, words: tuple[str, ...], code: int) -> None:
    """Never a traceback."""
    done = drift(*words, "--state", str(state))

    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
