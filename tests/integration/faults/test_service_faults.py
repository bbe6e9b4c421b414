"""The whole service under faults: killed under load, out of disk, and with a rival on its state folder."""

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from authz.server.pb.ext_authz_pb2 import CheckResponse
from authz.stores.trail import read_records, verify
from tests.export.receivers import until
from tests.integration.running import CHECK, ROOT, Service, health, issue, personas, service
from tests.server.world import DEFINITIONS, check, tool_call

UNAUTHORIZED = 401
RESOURCE_LIMIT = 200_000
"""Bytes of one file: the quota of the service in the test of a full disk."""


@pytest.fixture
def definitions(tmp_path: Path) -> Path:
    """The folder of definitions."""
    folder = tmp_path / "defs"
    folder.mkdir()
    (folder / "world.yaml").write_bytes(DEFINITIONS)
    return folder


def _decision_id(response: CheckResponse) -> str:
    """The id that the answer carries, in its headers to the app or to the agent."""
    denied = response.denied_response.headers
    for option in (*denied, *response.ok_response.headers):
        if option.header.key == "x-persona-decision":
            raw = option.header.raw_value
            return raw.decode() if raw else str(option.header.value)
    raise AssertionError(response)


def _ask_until_it_dies(target: str, message: bytes, answered: list[str]) -> None:
    with grpc.insecure_channel(target) as channel:
        call = channel.unary_unary(CHECK, bytes, bytes)
        while True:
            try:
                answered.append(_decision_id(CheckResponse.FromString(call(message, timeout=5))))
            except grpc.RpcError:
                return


def _known(running: Service, message: bytes) -> bool:
    return running.ask(message).denied_response.status.code != UNAUTHORIZED


@pytest.mark.parametrize("times", [3, pytest.param(50, marks=pytest.mark.long)], ids=["few", "many"])
def test_a_worker_killed_under_load_leaves_no_answer_without_a_record(
    tmp_path: Path, definitions: Path, times: int
) -> None:
    """`kill -9`: what was answered is on the trail, and the chain verifies."""
    answered: list[str] = []
    for round_ in range(times):
        with service(tmp_path, definitions) as running:
            key = issue(running.state)
            message = check(key=key, body=tool_call("get_ticket", ticket="T-1"))
            # Until the service knows the key it refuses a stranger, and a flood of those is only counted.
            until(lambda: _known(running, message))  # noqa: B023 - asked before the loop goes on
            clients = [
                threading.Thread(target=_ask_until_it_dies, args=(running.target, message, answered))
                for _ in range(4)
            ]
            enough = len(answered) + 40 + 30 * (round_ % 3)
            for client in clients:
                client.start()
            until(lambda limit=enough: len(answered) > limit)  # type: ignore[misc]  # bound now
            running.process.send_signal(signal.SIGKILL)
            for client in clients:
                client.join()
        (tmp_path / "authz.sock").unlink(missing_ok=True)
        verdict = verify(tmp_path / "state")
        assert verdict.sound, verdict.problems

    recorded = {one["id"] for one in read_records(tmp_path / "state")}
    assert len(answered) > 40 * times
    assert set(answered) <= recorded


def test_a_second_service_on_the_same_state_refuses_to_start(tmp_path: Path, definitions: Path) -> None:
    """One line and a status, and the first goes on."""
    with service(tmp_path, definitions) as running:
        rival = personas(
            "serve",
            "--defs",
            str(definitions),
            "--state",
            str(running.state),
            "--listen",
            f"unix:{tmp_path}/rival.sock",
        )
        assert rival.returncode == 2
        assert len(rival.stderr.splitlines()) == 1
        assert "another service writes this trail" in rival.stderr
        assert running.ask(check(body=b"{}")).status.code != 0


@contextmanager
def limited(state: Path, definitions: Path, target: str) -> Iterator[subprocess.Popen[bytes]]:
    """A service whose files may not grow beyond the quota."""

    def quota() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (RESOURCE_LIMIT, resource.RLIM_INFINITY))

    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "authz.cli.main", "serve", "--defs", str(definitions)),
            *("--state", str(state), "--listen", target),
        ],
        cwd=ROOT,
        preexec_fn=quota,  # noqa: PLW1509 - no thread of this test runs yet
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_out_of_disk_every_call_is_refused_and_the_health_check_says_so(
    tmp_path: Path, definitions: Path
) -> None:
    """What cannot be recorded is refused; when there is room again, calls pass again."""
    state, target = tmp_path / "state", f"unix:{tmp_path}/authz.sock"
    with limited(state, definitions, target) as process:
        until(lambda: health(target) == b"\x08\x01")
        key = issue(state)
        message = check(key=key, body=tool_call("close_ticket", ticket="T-1"))
        with grpc.insecure_channel(target) as channel:
            call = channel.unary_unary(CHECK, bytes, bytes)

            def asked() -> CheckResponse:
                return CheckResponse.FromString(call(message, timeout=10))

            responses = 0
            while asked().denied_response.status.code != 503:
                responses += 1
                assert responses < 2000
            refused = asked()
            assert refused.status.code != 0
            assert health(target) == b"\x08\x02"
            # Room again.
            resource.prlimit(
                process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
            )
            until(lambda: asked().denied_response.status.code != 503)
            assert health(target) == b"\x08\x01"
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0
    assert verify(state).sound
    assert responses > 50
