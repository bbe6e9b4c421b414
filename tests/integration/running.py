"""The service as a process of its own, and plain gRPC clients of it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import orjson

from authz.server.pb.ext_authz_pb2 import CheckResponse

ROOT = Path(__file__).resolve().parents[2]
CHECK = "/envoy.service.auth.v3.Authorization/Check"
HEALTH = "/grpc.health.v1.Health/Check"
PATIENCE = 30.0
"""Seconds that a process gets to be ready on a busy machine."""


def personas(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "authz.cli.main", *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE * 2,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
    )


def issue(state: Path, *terms: str) -> str:
    """A new key from the command line."""
    given = ["--agent", "summarizer", "--user", "alice@example.com", "--persona", "reader", *terms]
    done = personas("keys", "issue", *given, "--model", "claude-x", "--agent-version", "1.4",
                    "--deployment", "prod", "--ttl", "1d", "--state", str(state), "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    key: str = orjson.loads(done.stdout)["key"]
    return key


@dataclass(slots=True)
class Service:
    """A running service."""

    process: subprocess.Popen[str]
    target: str
    state: Path

    def ask(self, message: bytes, metadata: Sequence[tuple[str, str]] = ()) -> CheckResponse:
        """One check over a connection of its own."""
        with grpc.insecure_channel(self.target) as channel:
            call = channel.unary_unary(CHECK, bytes, bytes)
            return CheckResponse.FromString(call(message, timeout=10, metadata=tuple(metadata)))

    def stop(self) -> str:
        """End it as an init system would; gives what it said on standard error."""
        self.process.terminate()
        _, said = self.process.communicate(timeout=PATIENCE)
        return said


@contextmanager
def service(
    folder: Path,
    definitions: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    state: Path | None = None,
) -> Iterator[Service]:
    """`personas serve` on a Unix socket in `folder`, ready."""
    state = state or folder / "state"
    target = f"unix:{folder / 'authz.sock'}"
    arguments = ["serve", "--defs", str(definitions), "--state", str(state), "--listen", target, *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "authz.cli.main", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
    )
    try:
        wait_ready(process, target)
        yield Service(process, target, state)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(PATIENCE)
        if process.stderr is not None:
            process.stderr.close()


def wait_ready(process: subprocess.Popen[str], target: str) -> None:
    """Until the health check says SERVING."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(process.communicate()[1])
        if health(target) == b"\x08\x01":
            return
        time.sleep(0.05)
    raise AssertionError("the service did not become ready")


def health(target: str) -> bytes:
    """The serialized HealthCheckResponse, empty when nobody answers."""
    with grpc.insecure_channel(target) as channel:
        try:
            return bytes(channel.unary_unary(HEALTH, bytes, bytes)(b"", timeout=2))
        except grpc.RpcError:
            return b""
