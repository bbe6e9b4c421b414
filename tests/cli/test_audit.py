"""`personas audit`: what people and scripts see of the trail."""

import csv
import io
import os
import pty
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from authz.audit import Entry, event_record, outcome_record
from authz.cli.main import run
from authz.stores.trail import Trail, note_event
from tests.audit.samples import AT, DENY, record, stranger_record
from tests.export.receivers import until

COMMAND = [sys.executable, "-m", "authz.cli.main", "audit"]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A trail with one record of each kind."""
    note_event(tmp_path, event_record("e1", AT, "definitions.loaded", {"personas": 3}))
    outcome = outcome_record(
        Entry(decision="000000000001", at=AT, status=200, upstream="10.0.0.9:80"),
        "o1",
        AT + timedelta(seconds=1),
    )
    with Trail.open(tmp_path) as trail:
        trail.append([record(1), record(2, DENY), stranger_record(3), outcome])
    return tmp_path


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def audit(*words: str) -> Done:
    """Run the command line to its end, in this process: a new one costs half a second each time."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    before, sys.argv = sys.argv, ["personas", "audit", *words]
    status = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            run()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    finally:
        sys.argv = before
    for stream in (out, err):
        stream.flush()
        stream.seek(0)
    return Done(status, out.read(), err.read())


def test_show_prints_one_record_a_line(state: Path) -> None:
    """Scripts read this."""
    done = audit("show", "--json", "--state", str(state))

    records = [orjson.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert sorted(one["kind"] for one in records) == ["decision"] * 3 + ["event", "outcome"]
    assert [one["at"] for one in records] == sorted(one["at"] for one in records)


def test_show_says_each_record_as_a_sentence(state: Path) -> None:
    """People read this; a pipe gets no colours and no line breaks."""
    lines = audit("show", "--state", str(state)).stdout.splitlines()

    assert len(lines) == 5
    assert (
        "agent support-summarizer, on behalf of user alice@example.com, under persona support-summarizer, "
        "called tool adjust_balance at 2026-05-04T09:30:00.125456Z: deny (tool.not-granted)"
    ) in lines


def test_show_of_one_record_is_a_card_with_four_layers_and_the_outcome(state: Path) -> None:
    """Who investigates one call wants all of it on one page."""
    card = audit("show", "000000000002", "--state", str(state)).stdout
    for part in ("layer user", "layer agent", "layer tool", "layer data", "layer behaviour", "✘ fail"):
        assert part in card
    assert "tool.not-granted" in card
    assert "outcome" in audit("show", "000000000001", "--state", str(state)).stdout
    assert len(audit("show", "000000000001", "--json", "--state", str(state)).stdout.splitlines()) == 2


def test_an_unknown_id_is_one_line(state: Path) -> None:
    """No traceback, no empty card."""
    done = audit("show", "nope", "--state", str(state))

    assert done.returncode == 1
    assert done.stderr == "personas: `nope`: no record has this id\n"


@pytest.mark.parametrize("command", ["show", "tail", "verify", "export", "report"])
def test_a_folder_without_a_trail_is_one_line(tmp_path: Path, command: str) -> None:
    """The operator named the wrong folder: an empty answer would be a lie."""
    done = audit(command, "--state", str(tmp_path / "nowhere"))

    assert done.returncode == 2
    assert "no trail here" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        (["--decision", "deny"], {"000000000002", "x00000000003"}),
        (["--reason", "credential"], {"x00000000003"}),
        (["--agent", "support-summarizer", "--decision", "allow"], {"000000000001"}),
        (
            ["--user", "alice@example.com", "--persona", "support-summarizer"],
            {"000000000001", "000000000002"},
        ),
        (["--app", "billing", "--tool", "adjust_balance"], {"000000000001", "000000000002"}),
        (["--since", "2026-05-04T09:30:00.125Z"], {"000000000002", "x00000000003", "o1"}),
        (["--since", "1s"], set()),
    ],
)
def test_filters_narrow_what_is_shown(state: Path, filters: list[str], ids: set[str]) -> None:
    """Each narrows; all that are given must hold."""
    done = audit("export", "--state", str(state), *filters)
    assert {orjson.loads(line)["id"] for line in done.stdout.splitlines()} == ids


def test_every_command_knows_the_filters(state: Path) -> None:
    """What `export` is asked, `show` and `tail` can be asked."""
    for command in (["show", "--json"], ["tail", "--no-follow", "--json"]):
        done = audit(*command, "--state", str(state), "--reason", "tool.not-granted")
        assert [orjson.loads(line)["id"] for line in done.stdout.splitlines()] == ["000000000002"]


@pytest.mark.parametrize("words", [["--decision", "no"], ["--since", "soon"]])
def test_a_filter_that_means_nothing_is_refused(state: Path, words: list[str]) -> None:
    """Wrong usage ends with 2."""
    done = audit("show", "--state", str(state), *words)

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_tail_follows_live(state: Path) -> None:
    """A person watches while agents work; Ctrl-C ends it without a trace."""
    process = subprocess.Popen(
        [*COMMAND, "tail", "--state", str(state), "-n", "1", "--decision", "deny"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert "credential.missing" in process.stdout.readline()
    with Trail.open(state) as trail:
        trail.append([record(8), record(9, DENY)])
    assert "09:30:00.132456Z: deny (tool.not-granted)" in process.stdout.readline()

    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    assert errors == ""


def test_tail_is_coloured_on_a_terminal(state: Path) -> None:
    """Red is what was refused."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    environment.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [*COMMAND, "tail", "--no-follow", "--state", str(state)], stdout=theirs, env=environment
    )
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    assert process.wait(20) == 0
    assert b"\x1b[31m" in shown
    assert b"\x1b[32m" in shown


def test_verify_says_that_the_trail_is_sound(state: Path) -> None:
    """And up to which record it can vouch."""
    done = audit("verify", "--state", str(state))

    assert done.returncode == 0, done.stdout
    assert "sound: 5 records in 3 chains" in done.stdout
    assert "0: 3 records, signed up to record 3" in done.stdout


def test_verify_names_the_file_and_line_and_ends_with_1(state: Path) -> None:
    """What a monitor calls every night."""
    segment = state / "trail/chains/0/000001.jsonl"
    segment.write_bytes(segment.read_bytes().replace(b'"deny"', b'"nope"'))

    done = audit("verify", "--state", str(state))

    assert done.returncode == 1
    assert f"{segment}:2: altered" in done.stdout
    report = orjson.loads(audit("verify", "--json", "--state", str(state)).stdout)
    assert report["sound"] is False
    assert report["problems"][0]["line"] == 2


def test_verify_compares_with_an_anchor(state: Path, tmp_path: Path) -> None:
    """What a sink stored proves what the folder can't."""
    anchor = tmp_path / "anchor.jsonl"
    anchor.write_text(audit("export", "--state", str(state)).stdout)

    done = audit("verify", "--state", str(state), "--anchor", str(anchor))
    assert done.returncode == 0
    assert "confirmed by the anchor up to record 3" in done.stdout

    bad = audit("verify", "--state", str(state), "--anchor", str(tmp_path / "none"))
    assert bad.returncode == 2
    assert len(bad.stderr.splitlines()) == 1


def test_export_writes_each_format(state: Path) -> None:
    """Each has its reader."""
    table = list(
        csv.DictReader(io.StringIO(audit("export", "--format", "csv", "--state", str(state)).stdout))
    )
    assert {row["decision"] for row in table} >= {"allow", "deny"}
    ocsf = audit("export", "--format", "ocsf", "--state", str(state), "--decision", "deny").stdout
    assert {orjson.loads(line)["class_uid"] for line in ocsf.splitlines()} == {6003}
    cef = audit("export", "--format", "cef", "--state", str(state), "--decision", "deny").stdout
    assert all(line.startswith("CEF:0|") for line in cef.splitlines())
    wrong = audit("export", "--format", "xml", "--state", str(state))
    assert wrong.returncode == 2


def test_report_is_one_file(state: Path, tmp_path: Path) -> None:
    """It is mailed, archived and opened offline."""
    target = tmp_path / "page.html"
    done = audit("report", "--since", "2026-05-01T00:00:00Z", "-o", str(target), "--state", str(state))

    assert done.returncode == 0
    assert "3 decisions" in done.stdout
    text = target.read_text()
    assert text.startswith("<!doctype html>")
    assert "http://" not in text
    assert "https://" not in text
    assert "<script" not in text


def test_a_closed_pipe_ends_quietly(state: Path) -> None:
    """`personas audit show | head`."""
    with Trail.open(state) as trail:
        for start in range(100, 5000, 100):
            trail.append([record(number) for number in range(start, start + 100)])
    process = subprocess.Popen(
        [*COMMAND, "show", "--json", "--state", str(state)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    until(lambda: process.poll() is not None)

    assert errors == b""


@pytest.mark.system("chromium")
def test_report_opens_in_a_browser(state: Path, tmp_path: Path) -> None:
    """The pictures are drawn, and nothing is fetched: the browser has no network."""
    target = tmp_path / "page.html"
    audit("report", "--since", "2026-05-01T00:00:00Z", "-o", str(target), "--state", str(state))
    browser = [
        *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        *("--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path}/profile"),
    ]
    picture = tmp_path / "page.png"
    subprocess.run(
        [*browser, f"--screenshot={picture}", "--window-size=1000,1600", f"file://{target}"],
        capture_output=True,
        timeout=120,
        check=True,
    )
    shown = subprocess.run(
        [*browser, "--dump-dom", f"file://{target}"], capture_output=True, text=True, timeout=120, check=True
    ).stdout

    assert picture.read_bytes().startswith(b"\x89PNG")
    assert shown.count("<rect") > 5
    assert "What the agents did, and what they were refused" in shown
    assert "support-summarizer" in shown


def test_verify_shows_how_far_it_is_on_a_terminal(state: Path) -> None:
    """A million records take some seconds: a person wants to see that it moves."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color"}
    command = [*COMMAND, "verify", "--state", str(state)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, env=environment)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(ours)

    assert process.wait(20) == 0
    assert b"verifying" in shown
    assert b"100%" in shown
