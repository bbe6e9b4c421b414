"""The main job, end to end: a real Envoy, real apps, and an agent that knows nothing of personas."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.export.receivers import attributes, otlp_receiver
from tests.integration.demo import ROOT, Demo, demo, processes

HALF_WAY = "Drafts a reply"


def billing(state: Path) -> dict[str, object]:
    """What the billing system holds for the account that the agent is after."""
    accounts = json.loads((state / "apps" / "billing.json").read_text())["accounts"]
    account: dict[str, object] = accounts["A-1"]
    return account


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A story that was told to its end."""
    with demo(tmp_path_factory.mktemp("told") / "state", "--check") as running:
        running.until("What is left of it")
        running.end()
        yield running


def test_the_story_is_decided_as_told_and_the_trail_proves_it(told: Demo) -> None:
    """The one command that a newcomer runs to see whether any of this is true."""
    assert told.process.returncode == 0, told.output
    assert "called tool adjust_balance" in told.output
    assert "every call was decided as the story says" in told.output
    assert billing(told.state)["balance"] == 128450
    assert billing(told.state)["adjustments"] == []


def test_a_story_told_to_its_end_leaves_nothing_behind(told: Demo) -> None:
    """Not a process, not a port."""
    assert len(told.ports) == 5
    assert told.left_behind() == []


def test_no_credential_ever_reaches_an_app(told: Demo) -> None:
    """The key is the authorizer's to see. An app that logs its headers must not become a way to steal one."""
    seen = {
        app: json.loads((told.state / "apps" / f"{app}.json").read_text()).get("seen", [])
        for app in ("tickets", "crm", "billing", "shipping")
    }

    assert seen["billing"] == []
    reached = [request for app in seen.values() for request in app]
    assert {request["credential"] for request in reached} == {False}
    assert {request["x-persona-agent"] for request in reached} == {"support-summarizer"}
    assert {request["x-persona-user"] for request in reached} == {"alice@example.com"}


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_story_cut_short_leaves_nothing_behind(tmp_path: Path, number: signal.Signals, status: int) -> None:
    """A demo that litters ports and processes is one that nobody starts a second time."""
    with demo(tmp_path / "state", "--check") as running:
        running.until(HALF_WAY)
        assert len(running.ports) == 5
        running.process.send_signal(number)

        assert running.end() == status, running.output
        assert running.left_behind() == []
        assert "Traceback" not in running.output


@pytest.mark.system("curl")
def test_the_commands_for_trying_by_hand_work_when_pasted(tmp_path: Path) -> None:
    """What is printed for a person to paste is part of the interface."""
    with demo(tmp_path / "state") as running:
        printed = running.until("Up until Ctrl-C")
        commands = [line for line in printed.splitlines() if line.startswith("curl ")]
        answers = [
            subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True).stdout
            for command in commands
        ]

        assert [answer.split()[1] for answer in answers] == ["200", "403", "401"]
        assert "Parcel has not arrived" in answers[0]
        assert "tool.not-granted" in answers[1]
        assert billing(tmp_path / "state")["balance"] == 128450
        running.process.send_signal(signal.SIGINT)
        assert running.end() == 0, running.output
        assert running.left_behind() == []


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    """The commonest way for a demo to fail; the line says which port, and nothing was started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo(tmp_path / "state", "--port", str(port)) as running:
            assert running.end() == 1
            assert running.output.startswith(f"scripts/demo: port {port} is in use")
            assert len(running.output.splitlines()) == 1
            assert running.left_behind() == []


def test_a_process_that_dies_ends_the_demo(tmp_path: Path) -> None:
    """Half a world would tell a false story: the demo says what broke, and takes the rest down."""
    with demo(tmp_path / "state", "--check") as running:
        running.until(HALF_WAY)
        for process, command in processes(running.state).items():
            if " serve " in command:
                os.kill(process, signal.SIGKILL)

        assert running.end() == 1
        assert "scripts/demo: authorizer has ended" in running.output
        assert running.left_behind() == []


def test_a_state_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    """A demo must never write into the trail of something real."""
    (tmp_path / "precious").write_text("")
    done = subprocess.run(
        [ROOT / "scripts" / "demo", "--check", "--state", tmp_path],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


def test_with_a_collector_each_decision_is_a_child_of_the_call_that_it_judged(tmp_path: Path) -> None:
    """An operator finds the refusal where the slow or failed call is looked for: in its trace."""
    with otlp_receiver() as collector:
        with demo(
            tmp_path / "state", "--check", env={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.endpoint}
        ) as running:
            assert running.end() == 0, running.output
        spans = {span.span_id: span for span in collector.spans}
        refused = [span for span in spans.values() if attributes(span).get("persona.decision") == "deny"]
        (adjusted,) = [span for span in refused if "adjustments" in span.name]

        assert spans[adjusted.parent_span_id].trace_id == adjusted.trace_id
        assert len(refused) == 8
