"""A real Envoy with one of our configurations."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
ENVOY = Path(sys.executable).with_name("envoy")
PATIENCE = 30.0
"""Seconds that Envoy gets to listen on a busy machine."""


def config(name: str) -> dict[str, Any]:
    """One of the files in envoy/."""
    document: dict[str, Any] = yaml.safe_load((ROOT / "envoy" / name).read_text())
    return document


def validate(path: Path) -> subprocess.CompletedProcess[str]:
    """What Envoy itself says of a configuration."""
    return subprocess.run(
        [ENVOY, "--mode", "validate", "--disable-hot-restart", "-c", path],
        check=False,
        capture_output=True,
        text=True,
    )


def free_port() -> int:
    """A loopback port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
        return port


@contextmanager
def envoy(document: dict[str, Any], folder: Path) -> Iterator[None]:
    """Envoy running with this configuration."""
    path = folder / "envoy.yaml"
    path.write_text(yaml.safe_dump(document))
    port = document["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"]
    command: list[str | Path] = [
        ENVOY,
        "-c",
        path,
        "--concurrency",
        "1",
        "--disable-hot-restart",
        "-l",
        "error",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + PATIENCE
            while not _accepts(port):
                assert process.poll() is None, process.stderr and process.stderr.read()
                assert time.monotonic() < deadline, "Envoy does not listen"
                time.sleep(0.02)
            yield
        finally:
            process.kill()


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
