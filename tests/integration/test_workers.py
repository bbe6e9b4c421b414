"""Several workers: an address each, one key store, one trail chain each, and counts that they share."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import orjson
import pytest

from tests.integration.running import PATIENCE, ROOT, Service, health, issue, personas, wait_ready
from tests.server.world import DEFINITIONS, check, tool_call

UNCOUNTED = DEFINITIONS.replace(b"behaviour:\n  limits: [{name: pace, calls: 5, per: 1m}]\n", b"")


@pytest.fixture
def definitions(tmp_path: Path) -> Path:
    """The folder of definitions."""
    folder = tmp_path / "defs"
    folder.mkdir()
    (folder / "world.yaml").write_bytes(DEFINITIONS)
    return folder


@contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis of our own; gives its URL."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port = held.getsockname()[1]
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(PATIENCE)


@contextmanager
def workers(folder: Path, definitions: Path, count: int, *options: str) -> Iterator[list[Service]]:
    """`personas serve --workers N`, all ready."""
    state = folder / "state"
    listen = f"unix:{folder / 'authz.sock'}"
    arguments = ["serve", "--defs", str(definitions), "--state", str(state), "--listen", listen]
    process = subprocess.Popen(
        [sys.executable, "-m", "authz.cli.main", *arguments, "--workers", str(count), *options],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        targets = [f"{listen}.{number}" for number in range(count)]
        for target in targets:
            wait_ready(process, target)
        yield [Service(process, target, state) for target in targets]
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)
        assert process.stderr is not None
        process.stderr.close()


def allowed(service: Service, message: bytes) -> bool:
    """Whether the call passes."""
    return bool(service.ask(message).status.code == 0)


def until_known(service: Service, message: bytes) -> None:
    """Until the worker has learned of the key."""
    deadline = time.monotonic() + PATIENCE
    while not allowed(service, message):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_workers_that_share_no_store_refuse_to_start_if_a_persona_counts(
    tmp_path: Path, definitions: Path
) -> None:
    """Each would allow the whole budget."""
    done = personas("serve", "--defs", str(definitions), "--state", str(tmp_path / "s"),
                    "--listen", f"unix:{tmp_path}/x", "--workers", "2")  # fmt: skip

    assert done.returncode == 2
    assert "`reader` counts calls" in done.stderr
    assert "redis" in done.stderr


def test_a_revocation_reaches_every_worker_within_a_second_and_a_dead_worker_comes_back(
    tmp_path: Path, definitions: Path
) -> None:
    """One key store under all of them; one that dies is started again, and the others don't notice."""
    (definitions / "world.yaml").write_bytes(UNCOUNTED)
    with workers(tmp_path, definitions, 2) as (first, second):
        key = issue(first.state)
        message = check(key=key, body=tool_call("get_ticket", ticket="T-1"))
        until_known(first, message)
        until_known(second, message)

        victim = worker_pid(first)
        os.kill(victim, signal.SIGKILL)
        assert allowed(second, message)
        deadline = time.monotonic() + PATIENCE
        while health(first.target) != b"\x08\x01" or worker_pid(first) == victim:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        until_known(first, message)

        assert personas("keys", "revoke", key.split("_")[2], "--state", str(first.state)).returncode == 0
        revoked = time.monotonic()
        while allowed(first, message) or allowed(second, message):
            assert time.monotonic() - revoked < 1.0
        said = first.stop()
        assert first.process.returncode == 0
        assert said.count("draining") == 2
    assert personas("audit", "verify", "--state", str(first.state)).returncode == 0


@pytest.mark.system("redis-server")
def test_workers_on_one_redis_share_a_budget_exactly(tmp_path: Path, definitions: Path) -> None:
    """A limit of five calls is five calls, whichever worker is asked."""
    with ExitStack() as stack:
        config = tmp_path / "service.yaml"
        config.write_text(f"redis: {stack.enter_context(redis(tmp_path))}\n")
        pair = stack.enter_context(workers(tmp_path, definitions, 2, "--config", str(config)))
        key = issue(pair[0].state)
        unknown = check(key=key, body=tool_call("close_ticket", ticket="T-1"))
        deadline = time.monotonic() + PATIENCE
        for one in pair:
            while one.ask(unknown).denied_response.status.code == 401:
                assert time.monotonic() < deadline
        spent = {0: False, 1: False}
        number = 0
        while not all(spent.values()):
            # A busy machine may not answer in Redis' 20 ms: such a call is denied, and asked again.
            assert time.monotonic() < deadline
            message = check(key=key, body=tool_call("get_ticket", ticket=f"T-{number}"))
            refused = pair[number % 2].ask(message).denied_response.body
            spent[number % 2] = "behaviour.limit" in refused
            number += 1

        shown = personas("audit", "show", "--state", str(pair[0].state), "--json").stdout.splitlines()
        records = [one for one in map(orjson.loads, shown) if one["kind"] == "decision"]
        assert sum(one["effect"] == "allowed" for one in records) == 5


def worker_pid(service: Service) -> int:
    """The process that listens on the worker's socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(service.target.removeprefix("unix:"))
        credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return int.from_bytes(credentials[:4], sys.byteorder)
