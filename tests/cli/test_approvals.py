"""`personas approvals`: what people see and say."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from authz.behaviour import Ask
from authz.core.call import Action, Agent, Call, Caller
from authz.stores.approvals import open_approvals
from authz.stores.trail import read_records

COMMAND = [sys.executable, "-m", "authz.cli.main", "approvals"]


def approvals(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a person would."""
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """One request that waits."""
    call = Call(
        at=datetime.now(UTC),
        caller=Caller(agent=Agent(id="coder"), user="alice", persona="coding"),
        action=Action(protocol="mcp", app="db", name="drop", args={"table": "old"}),
    )
    store = open_approvals(tmp_path)
    store.ask(Ask(call=call, decision="d1", rules=("deletions",)))
    store.close()
    return tmp_path


def test_what_waits_is_listed_with_its_arguments(state: Path) -> None:
    """People see what they approve."""
    one = orjson.loads(approvals("list", "--state", str(state), "--json").stdout)
    table = approvals("list", "--state", str(state)).stdout

    assert (one["id"], one["tool"], one["args"], one["state"]) == ("d1", "drop", {"table": "old"}, "waiting")
    assert "alice" in table


def test_a_yes_is_recorded_without_the_arguments(state: Path) -> None:
    """Who, what and why; never what the arguments were."""
    done = approvals("grant", "d1", "--state", str(state), "--reason", "ticket 4711", "--by", "bob")
    events = [one["event"] for one in read_records(state) if one["kind"] == "event"]

    assert done.returncode == 0, done.stderr
    assert [(one["what"], one["by"], one["reason"]) for one in events if isinstance(one, dict)] == [
        ("approval.granted", "bob", "ticket 4711")
    ]
    assert b"old" not in b"".join(one.read_bytes() for one in state.glob("trail/**/*") if one.is_file())


def test_whom_the_agent_acts_for_cannot_say_yes(state: Path) -> None:
    """Unless it is said aloud."""
    own = approvals("grant", "d1", "--state", str(state), "--reason", "I want it", "--by", "alice")
    aloud = approvals("grant", "d1", "--state", str(state), "--reason", "mine", "--by", "alice", "--own")

    assert (own.returncode, own.stderr.count("\n")) == (1, 1)
    assert aloud.returncode == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("grant", "nothing", "--reason", "x"), 1),
        (("grant", "d1"), 2),
        (("grant", "d1", "--reason", " "), 2),
        (("grant", "d1", "--reason", "x", "--for", "soon"), 2),
        (("deny", "nothing", "--reason", "x"), 1),
    ],
)
def test_what_cannot_be_done_is_said_in_words(state: Path, words: tuple[str, ...], code: int) -> None:
    """Never a traceback."""
    done = approvals(*words, "--state", str(state), "--by", "bob")

    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_a_no_is_recorded_and_ends_it(state: Path) -> None:
    """Two people do not answer twice."""
    first = approvals("deny", "d1", "--state", str(state), "--reason", "no", "--by", "bob")
    second = approvals("grant", "d1", "--state", str(state), "--reason", "yes", "--by", "carol")
    left = approvals("list", "--state", str(state)).stdout

    assert (first.returncode, second.returncode, left) == (0, 1, "nothing waits for an answer\n")


def test_a_folder_that_is_none_is_said_so(tmp_path: Path) -> None:
    """The state folder must be the service's."""
    done = approvals("list", "--state", str(tmp_path / "no"))

    assert done.returncode == 2
    assert done.stderr.startswith("personas: ")
