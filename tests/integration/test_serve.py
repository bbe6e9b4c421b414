"""`personas serve` as operators meet it: over both transports, from start to drain, and with bad input."""

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.integration.running import PATIENCE, Service, health, issue, personas, service, wait_ready
from tests.server.world import DEFINITIONS, check, tool_call


@pytest.fixture
def definitions(tmp_path: Path) -> Path:
    """The folder of definitions."""
    folder = tmp_path / "defs"
    folder.mkdir()
    (folder / "world.yaml").write_bytes(DEFINITIONS)
    return folder


@pytest.fixture(params=["http2", "grpc"])
def running(request: pytest.FixtureRequest, tmp_path: Path, definitions: Path) -> Iterator[Service]:
    """The service on each transport."""
    config = tmp_path / "service.yaml"
    config.write_text(f"transport: {request.param}\n")
    with service(tmp_path, definitions, "--config", str(config)) as made:
        yield made


def eventually_refused(running: Service, message: bytes, within: float) -> float:
    """Seconds until the call is refused."""
    began = time.monotonic()
    while time.monotonic() - began < PATIENCE:
        if running.ask(message).status.code != 0:
            took = time.monotonic() - began
            assert took < within
            return took
        time.sleep(0.02)
    raise AssertionError("never refused")


def test_a_key_issued_beside_the_running_service_works_and_a_revoked_one_stops(running: Service) -> None:
    """Both act within one second, without a restart."""
    key = issue(running.state)
    message = check(key=key, body=tool_call("get_ticket", ticket="T-1"))
    began = time.monotonic()
    while running.ask(message).status.code != 0:
        assert time.monotonic() - began < 1.5
        time.sleep(0.02)

    done = personas("keys", "revoke", key.split("_")[2], "--state", str(running.state))
    assert done.returncode == 0
    eventually_refused(running, message, within=1.0)
    shown = personas("audit", "show", "--state", str(running.state), "--json").stdout.splitlines()
    records = [orjson.loads(line) for line in shown]
    last = next(one for one in reversed(records) if one["kind"] == "decision")
    assert [one["code"] for one in last["reasons"]] == ["credential.revoked"]
    assert (last["agent"]["id"], last["user"], last["key"]) == (
        "summarizer",
        "alice@example.com",
        key.split("_")[2],
    )
    assert key not in "".join(shown)


def test_a_start_says_what_was_loaded_and_a_stop_leaves_nothing(running: Service) -> None:
    """One line at the start; SIGTERM drains and removes the socket; the trail verifies."""
    path = Path(running.target.removeprefix("unix:"))
    assert path.is_socket()

    said = running.stop()

    assert running.process.returncode == 0
    assert "serving 2 personas, 3 tools of 2 apps, 2 users, 0 keys" in said
    assert not path.exists()
    assert personas("audit", "verify", "--state", str(running.state)).returncode == 0


def test_changed_definitions_are_in_force_without_a_restart_and_broken_ones_never(
    running: Service, definitions: Path
) -> None:
    """A set that does not compile never replaces one that did."""
    key = issue(running.state)
    message = check(key=key, body=tool_call("get_ticket", ticket="T-1"))
    began = time.monotonic()
    while running.ask(message).status.code != 0:
        assert time.monotonic() - began < PATIENCE
    (definitions / "world.yaml").write_bytes(b"kind: [broken")
    running.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert running.ask(message).status.code == 0

    narrowed = DEFINITIONS.replace(b"  - {app: tickets, access: [read]}\n", b"")
    (definitions / "world.yaml").write_bytes(narrowed)
    running.process.send_signal(signal.SIGHUP)

    eventually_refused(running, message, within=PATIENCE)


def test_two_services_cannot_share_a_state_folder(
    running: Service, tmp_path: Path, definitions: Path
) -> None:
    """Two writers of one chain would make a trail that proves nothing."""
    other = f"unix:{tmp_path / 'other.sock'}"
    done = personas("serve", "--defs", str(definitions), "--state", str(running.state), "--listen", other)

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def bad(tmp_path: Path, definitions: Path, *changes: str) -> tuple[int, str]:
    """What `serve` says to wrong usage."""
    options = {"--defs": str(definitions), "--state": str(tmp_path / "s"), "--listen": f"unix:{tmp_path}/x"}
    options.update(dict(zip(changes[::2], changes[1::2], strict=True)))
    done = personas("serve", *[part for pair in options.items() for part in pair])
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


def test_bad_input_is_one_clear_line_and_never_a_traceback(tmp_path: Path, definitions: Path) -> None:
    """Each names the place and the remedy."""
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    port = taken.getsockname()[1]
    config = tmp_path / "config.yaml"
    config.write_text("transprot: grpc\n")
    cases = [
        (("--defs", str(tmp_path / "nowhere")), "nowhere"),
        (("--listen", f"127.0.0.1:{port}"), "in use"),
        (("--listen", "0.0.0.0:9191"), "--insecure"),
        (("--listen", "here"), "unix:PATH"),
        (("--listen", f"unix:{tmp_path}/no/x.sock"), "does not exist"),
        (("--config", str(config)), "transprot"),
        (("--config", str(tmp_path / "missing.yaml")), "missing.yaml"),
        (("--state", str(config)), "config.yaml"),
    ]
    for changes, expected in cases:
        code, said = bad(tmp_path, definitions, *changes)
        assert code in {1, 2}, changes
        assert expected in said, changes
        assert len(said.splitlines()) <= 2, said
    taken.close()


def test_definitions_that_do_not_compile_are_not_served(tmp_path: Path, definitions: Path) -> None:
    """Every error is named with its place."""
    (definitions / "extra.yaml").write_text(
        "apiVersion: personas/v1\nkind: Persona\nmetadata: {name: x}\nmood: 1\n"
    )
    code, said = bad(tmp_path, definitions)

    assert code == 1
    assert "extra.yaml:4:1" in said


def test_a_socket_left_by_a_killed_service_does_not_stop_the_next(
    running: Service, definitions: Path
) -> None:
    """`kill -9` leaves the file; nobody listens on it."""
    running.process.kill()
    running.process.wait()
    target = running.target
    folder = Path(target.removeprefix("unix:")).parent
    with service(folder, definitions, state=running.state) as again:
        wait_ready(again.process, target)
        assert health(target) == b"\x08\x01"
        again.stop()
    assert personas("audit", "verify", "--state", str(running.state)).returncode == 0
