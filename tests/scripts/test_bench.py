"""What the benchmarks stand on: a load that hides no stall, a guard, a simulation that adds up."""

import importlib
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from scripts.benchmarks.capacity import Costs, need, simulate
from scripts.benchmarks.ground.openloop import load, percentile, request
from scripts.benchmarks.ground.proxy import ENVOY, bootstrap
from scripts.benchmarks.guard import MOST, grown, instructions
from scripts.demo_story.stack import free_ports

ROOT = Path(__file__).resolve().parents[2]
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
SENT = request(1, "/", {"accept": "*/*"}, b"{}")


@contextmanager
def answering(stall: float = 0.0, answer: bytes = ANSWER) -> Iterator[int]:
    """A server for one connection that stalls once, before its tenth answer."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            count = 0
            while data := connection.recv(65536):
                for _ in range(data.count(b"POST")):
                    count += 1
                    if count == 10:
                        time.sleep(stall)  # a server that stalls is what is tested, nothing waits for this
                    connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    listener.close()
    thread.join()


def guard(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the guard as `scripts/bench` does."""
    command = [sys.executable, str(ROOT / "scripts/benchmarks/guard.py"), *arguments]
    environment = {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT, env=environment)


def test_a_stall_is_seen_by_every_request_that_it_held_up() -> None:
    """A closed loop would count one slow request, and make a service look good that hung."""
    with answering(stall=0.2) as port:
        met = load(port, SENT, rate=200, seconds=0.5, connections=1)

    assert len(met.latencies) == 100
    assert sum(one > 50 for one in met.latencies) >= 20
    assert met.failed == 0


def test_an_answer_other_than_200_is_a_failure() -> None:
    """Refusals are fast: a benchmark that counted them would praise a service that refuses."""
    with answering(answer=b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n") as port:
        met = load(port, SENT, rate=100, seconds=0.2, connections=1)

    assert met.failed == 20


def test_a_percentile_is_one_of_the_values() -> None:
    """No value may be made up by interpolation between a fast answer and a stall."""
    values = [float(one) for one in range(100)]

    assert [percentile(values, part) for part in (0.5, 0.99, 0.999)] == [50.0, 99.0, 99.0]


@pytest.mark.parametrize(("authorizer", "app"), [(None, None), (1, None), (1, 2)])
def test_the_configuration_is_one_that_envoy_takes(
    authorizer: int | None, app: int | None, tmp_path: Path
) -> None:
    """A field that Envoy does not know would be found only when somebody runs the benchmark."""
    (port,) = free_ports(1)
    config = tmp_path / "envoy.json"
    config.write_text(json.dumps(bootstrap(port, authorizer, app)))

    done = subprocess.run(
        [ENVOY, "--mode", "validate", "-c", config], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr


def test_instructions_are_the_same_each_time() -> None:
    """A guard whose figures tremble is soon ignored."""

    def stage() -> int:
        return sum(range(10)) + len("abc")

    assert instructions(stage) == instructions(stage) > 0


def test_growth_is_told_by_stage() -> None:
    """Whoever made a stage dearer should read which, and by how much."""
    assert grown({"a": 100.0 * MOST + 1, "b": 100.0, "new": 7.0}, {"a": 100.0, "b": 100.0, "gone": 1.0}) == {
        "a": MOST + 0.01
    }


def test_no_stage_takes_more_instructions_than_are_stored() -> None:
    """`scripts/bench guard --store` accepts a change that is worth its price; nothing else does."""
    done = guard("--counts")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_no_stage_takes_more_time_than_is_stored(tmp_path: Path) -> None:
    """Against an always-allow handler of the same run, since machines differ."""
    done = guard("--json", str(tmp_path / "guard.json"))

    assert done.returncode == 0, done.stdout + done.stderr
    assert "whole" in json.loads((tmp_path / "guard.json").read_text())["cpu"]


def test_a_call_that_waits_for_nobody_takes_its_costs() -> None:
    """The simulation must give back what was put in, before anyone believes what it makes of it."""
    costs = Costs(read_us=60, call_us=80)
    met = simulate(100, 8, costs)

    assert met.p50_ms == pytest.approx(0.14)
    assert met.batch == pytest.approx(1.0, abs=0.01)


def test_more_load_never_makes_answers_faster() -> None:
    """Batches take the fixed cost off the calls, but never the waiting."""
    costs = Costs(read_us=60, call_us=80)
    medians = [simulate(rate, 4, costs, seconds=0.5).p50_ms for rate in (4_000, 20_000, 40_000)]

    assert medians == sorted(medians)


def test_the_work_of_a_worker_that_dies_is_done_by_the_others() -> None:
    """No call may be lost between two workers, and nobody may wait for ever."""
    costs = Costs(read_us=60, call_us=80)
    met = simulate(20_000, 4, costs, seconds=0.5, dies_at=0.25)

    assert met.worst_ms < 50


def test_needs_grow_with_the_rate() -> None:
    """What a hundred times as many decisions take is a hundred times as much, workers rounded up."""
    few, many = (need(rate, Costs(), 0.7, 1_000, 1.0) for rate in (1_000, 100_000))

    assert many.trail_mib_s == pytest.approx(100 * few.trail_mib_s)
    assert many.redis_per_second == 100 * few.redis_per_second
    assert many.workers >= few.workers


@pytest.mark.parametrize("name", ["envoy", "peers", "scale", "soak"])
def test_every_benchmark_can_be_read(name: str) -> None:
    """They run for minutes and need other programs: that they fit the code they measure is seen here."""
    assert importlib.import_module(f"scripts.benchmarks.{name}").main is not None
