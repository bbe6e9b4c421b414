"""`scripts/demo` as a process, and what of it is still there afterwards."""

import os
import re
import select
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 120.0
"""Seconds that a demo gets on a busy machine."""


@dataclass(slots=True)
class Demo:
    """A running demo."""

    process: subprocess.Popen[bytes]
    state: Path
    output: str = ""
    ports: set[int] = field(default_factory=set)

    def until(self, text: str) -> str:
        """Read on until `text` was printed; gives all that was printed."""
        deadline = time.monotonic() + PATIENCE
        assert self.process.stdout is not None
        while text not in self.output:
            assert time.monotonic() < deadline, f"`{text}` was not printed in time:\n{self.output}"
            if select.select([self.process.stdout], [], [], 0.2)[0]:
                chunk = os.read(self.process.stdout.fileno(), 65536)
                assert chunk, f"ended before `{text}` was printed:\n{self.output}"
                self.output += chunk.decode()
        self.ports |= set(listeners(self.state))
        return self.output

    def end(self) -> int:
        """Wait for its end."""
        assert self.process.stdout is not None
        self.output += self.process.stdout.read().decode()
        return self.process.wait(PATIENCE)

    def left_behind(self) -> list[str]:
        """Processes and open ports of this demo that are still there a moment later."""
        deadline = time.monotonic() + 10
        while (left := self._left()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return left

    def _left(self) -> list[str]:
        open_ports = [f"port {port}" for port in sorted(self.ports) if _accepts(port)]
        return [f"process {command}" for command in processes(self.state).values()] + open_ports


@contextmanager
def demo(state: Path, *options: str, env: Mapping[str, str] | None = None) -> Iterator[Demo]:
    """A demo with its state in `state`; killed at the end if it is still there."""
    process = subprocess.Popen(
        [ROOT / "scripts" / "demo", "--state", state, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **(env or {})},
    )
    try:
        yield Demo(process, state)
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def processes(state: Path) -> dict[int, str]:
    """Processes that name this state folder, by their id."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(state) in command:
            found[int(entry.name)] = command
    return found


def listeners(state: Path) -> Iterator[int]:
    """The ports that these processes were told to listen on."""
    for command in processes(state).values():
        yield from map(int, re.findall(r"--port (\d+)", command))
    config = state / "envoy.yaml"
    if config.exists():
        yield from map(int, re.findall(r"port_value: (\d+)", config.read_text()))


def _accepts(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
