"""`personas replay`: what people and scripts see of a rehearsal."""

import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import orjson
import pytest
import typer
from typer.testing import CliRunner, Result

from authz.audit import decision_record
from authz.cli import replay
from authz.cli.failure import Failure
from authz.stores.trail import Trail
from tests.audit.samples import DIGESTER, fact
from tests.compiler.world import WHOLE
from tests.offline.browser import overflow
from tests.offline.logs import behaving, line

app = typer.Typer()
app.command()(replay.command)


@pytest.fixture
def defs(tmp_path: Path) -> Path:
    """A folder of definitions."""
    folder = tmp_path / "defs"
    folder.mkdir()
    (folder / "defs.yaml").write_text(behaving("  limits: [{name: pace, calls: 3, per: 1m}]"))
    return folder


def log(tmp_path: Path, *values: object) -> Path:
    """A log in a file."""
    path = tmp_path / "calls.jsonl"
    path.write_bytes(b"".join(one if isinstance(one, bytes) else orjson.dumps(one) + b"\n" for one in values))
    return path


def ran(*words: object, text: bytes = b"") -> Result:
    """The command, run to its end."""
    return CliRunner().invoke(app, [str(one) for one in words], input=text)


def as_json(defs: Path, calls: Path, *more: str) -> dict[str, Any]:
    """The one object."""
    done = ran("--defs", defs, "--calls", calls, "--json", *more)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = orjson.loads(done.stdout)
    return found


def test_json_is_the_one_object_of_the_contract(defs: Path, tmp_path: Path) -> None:
    """Scripts are written against these names and no others."""
    calls = log(tmp_path, *(line(one) for one in range(4)), line(70, app="billing", tool="adjust_balance"))

    assert as_json(defs, calls) == {
        "calls": 5,
        "allowed": 3,
        "denied": 2,
        "flagged": 0,
        "undecided": 0,
        "by_reason": {"behaviour.limit": 1, "tool.not-granted": 1, "data.not-allowed": 1},
        "decisions": [
            {"index": 0, "decision": "allow", "reasons": [], "flags": []},
            {"index": 1, "decision": "allow", "reasons": [], "flags": []},
            {"index": 2, "decision": "allow", "reasons": [], "flags": []},
            {"index": 3, "decision": "deny", "reasons": ["behaviour.limit"], "flags": []},
            {
                "index": 4,
                "decision": "deny",
                "reasons": ["tool.not-granted", "data.not-allowed"],
                "flags": [],
            },
        ],
    }


def test_an_empty_log_is_an_object_as_well(defs: Path, tmp_path: Path) -> None:
    """No call is no error."""
    assert as_json(defs, log(tmp_path))["decisions"] == []


def test_bad_lines_are_shown_with_their_numbers_and_stop_nothing(defs: Path, tmp_path: Path) -> None:
    """They are on standard error, so that the JSON stays JSON."""
    done = ran("--defs", defs, "--calls", log(tmp_path, line(), b"{oops\n", {"tool": 1}, line(1)), "--json")

    assert done.exit_code == 0
    assert orjson.loads(done.stdout)["calls"] == 2
    assert "line 2: is not JSON" in done.stderr
    assert "line 3: expected text" in done.stderr
    assert "2 lines could not be read: lines 2-3" in done.stderr


def test_the_summary_names_reasons_agents_and_the_first_call(defs: Path, tmp_path: Path) -> None:
    """A security lead reads this before anything else."""
    done = ran("--defs", defs, "--calls", log(tmp_path, line(), line(1, tool="close_ticket")))

    assert "2 calls  1 allowed  0 flagged  1 denied  0 undecided" in done.stdout
    assert re.search(r"tool\.not-granted +1 +#1 summarizer: tickets/close_ticket", done.stdout)
    assert "summarizer   1" in done.stdout


def test_undecided_says_what_the_log_lacks(defs: Path, tmp_path: Path) -> None:
    """Then a person can have it logged."""
    done = ran("--defs", defs, "--calls", log(tmp_path, line(at=None)))

    assert "undecided: 1 calls, for the log does not say what rule `pace` counts" in done.stdout


def test_standard_input_is_a_log(defs: Path) -> None:
    """Logs come out of pipes."""
    done = ran("--defs", defs, "--calls", "-", "--json", text=orjson.dumps(line()))

    assert orjson.loads(done.stdout)["allowed"] == 1


def test_the_trail_is_replayed_from_its_folder(defs: Path, tmp_path: Path) -> None:
    """The service's own record, under definitions of tomorrow."""
    with Trail.open(tmp_path / "state") as trail:
        trail.append([decision_record(fact(), DIGESTER)])

    found = as_json(defs, tmp_path / "state", "--format", "trail")

    assert found["by_reason"] == {"agent.unknown": 1}


def test_a_document_over_many_lines_is_read_as_one(defs: Path, tmp_path: Path) -> None:
    """Traces are often saved from a browser."""
    path = tmp_path / "trace.json"
    span = {
        "spanId": "1",
        "startTimeUnixNano": "1772445600000000000",
        "attributes": [
            {"key": "gen_ai.operation.name", "value": {"stringValue": "execute_tool"}},
            {"key": "gen_ai.tool.name", "value": {"stringValue": "get_ticket"}},
        ],
    }
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))

    assert as_json(defs, path, "--format", "otlp")["allowed"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--calls", "nowhere.jsonl"], "no such log"),
        (["--calls", "."], "is a folder"),
        (["--calls", ".", "--format", "trail"], "no trail here"),
        (["--calls", "-", "--format", "envoy", "--field", "x=y"], "--field `x=y`"),
    ],
    ids=str,
)
def test_bad_input_is_one_line_with_2(defs: Path, words: list[str], said: str) -> None:
    """What is wrong, where, and what to do."""
    done = ran("--defs", defs, *words)

    assert isinstance(done.exception, Failure)
    assert done.exception.code == 2
    assert said in str(done.exception)


def test_a_bar_shows_on_a_terminal_and_leaves_the_json_alone(defs: Path, tmp_path: Path) -> None:
    """A person who waits sees how far it is."""
    calls = log(tmp_path, *([line()] * 5000))
    leader, follower = pty.openpty()
    command = [
        sys.executable,
        "-m",
        "authz.cli.main",
        "replay",
        "--defs",
        str(defs),
        "--calls",
        str(calls),
        "--json",
    ]
    try:
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=follower, env={**os.environ, "TERM": "xterm"}
        ) as process:
            assert process.stdout is not None
            out = process.stdout.read()
        shown = os.read(leader, 65536)
    finally:
        os.close(leader)
        os.close(follower)

    assert orjson.loads(out)["calls"] == 5000
    assert b"replaying" in shown


def test_twenty_thousand_calls_take_about_a_second_of_one_processor(defs: Path, tmp_path: Path) -> None:
    """A month of calls is a coffee, not a night; the bound is wide, for machines differ and are shared."""
    calls = log(tmp_path, *(line(one % 3000, args={"ticket": f"T-{one % 100}"}) for one in range(20_000)))
    began = time.process_time()

    assert as_json(defs, calls)["calls"] == 20_000
    assert time.process_time() - began < 3


def test_a_log_of_a_hundred_thousand_calls_keeps_the_process_small(defs: Path, tmp_path: Path) -> None:
    """The decisions go to a file on their way out."""
    part = log(tmp_path, *(line(one) for one in range(1000))).read_bytes()
    calls = tmp_path / "many.jsonl"
    calls.write_bytes(part * 100)
    script = (
        "import resource, sys\nfrom authz.cli.main import run\n"
        "try: run()\nexcept SystemExit: pass\n"
        "sys.stderr.write(f'peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}')"
    )

    def peak(path: Path) -> int:
        words = ["replay", "--defs", str(defs), "--calls", str(path), "--json"]
        done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, check=True)
        assert orjson.loads(done.stdout)["calls"] == path.read_bytes().count(b"\n")
        return int(done.stderr.rpartition(b"peak ")[2])

    assert peak(calls) < peak(tmp_path / "calls.jsonl") + 40_000


def test_html_is_one_file_that_needs_no_network(defs: Path, tmp_path: Path) -> None:
    """To be mailed and opened anywhere."""
    page = tmp_path / "report.html"
    ran("--defs", defs, "--calls", log(tmp_path, line(), line(1, tool="close_ticket")), "--html", page)

    text = page.read_text()
    assert "tool.not-granted" in text
    assert "default-src 'none'" in text


@pytest.mark.system("chromium")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_opens_in_a_browser_without_a_network(defs: Path, tmp_path: Path, width: int) -> None:
    """At the width of a desk and of a telephone."""
    page = tmp_path / "report.html"
    names = [line(one, tool="a_tool_with_a_rather_long_name_that_wraps" * 2) for one in range(3)]
    ran("--defs", defs, "--calls", log(tmp_path, line(), *names), "--html", page)

    assert overflow(page, width, tmp_path) <= 0


def test_the_shipped_definitions_compile_for_a_replay(tmp_path: Path) -> None:
    """The example of the guide."""
    folder = tmp_path / "d"
    folder.mkdir()
    (folder / "all.yaml").write_text(WHOLE)

    assert as_json(folder, log(tmp_path, line()))["allowed"] == 1
