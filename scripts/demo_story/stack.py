"""Processes of the demo: started together, waited for, and gone together. Must not know what they are for."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from scripts.demo_story.failure import Failure

TIED = Path(__file__).parent / "tied.py"
PATIENCE = 20.0
"""Seconds that a process may take until it answers."""
GRACE = 5.0
"""Seconds that all of them together may take to end when asked."""


class Stack:
    """Processes that end with this block, whatever ends it; the last one started is asked first."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self.logs = logs
        self.environment = environment
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(
        self, name: str, command: Sequence[str | Path], ending: signal.Signals = signal.SIGKILL
    ) -> None:
        """Start a process in a group of its own; if we are killed, it gets `ending`."""
        with self._log(name).open("wb") as log:
            process = subprocess.Popen(
                self._tied(command, ending),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.environment,
                start_new_session=True,
            )
        self._running.append((name, process))

    async def answers(self, name: str, ready: Callable[[], bool]) -> None:
        """Wait until `ready`, or say why it never will be."""
        process = dict(self._running)[name]
        deadline = time.monotonic() + PATIENCE
        while not await asyncio.to_thread(ready):
            if (status := _end(process)) is not None:
                raise Failure(f"{name} ended with status {status}: {self.last_words(name)}")
            if time.monotonic() > deadline:
                raise Failure(f"{name} does not answer after {PATIENCE:.0f} s: {self.last_words(name)}")
            await asyncio.sleep(0.02)

    def dead(self) -> str | None:
        """The name of a process that ended although nobody asked it to."""
        return next((name for name, process in self._running if _end(process) is not None), None)

    def last_words(self, name: str) -> str:
        """The last line of its log."""
        return last_line(self.said(name))

    def said(self, name: str) -> str:
        """All that it said so far."""
        return self._log(name).read_text(errors="replace")

    async def run(self, *command: str | Path) -> tuple[int, str]:
        """Run a command to its end and give its status and what it said; it does not outlive us."""
        process = await asyncio.create_subprocess_exec(
            *self._tied(command, signal.SIGKILL),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.environment,
            start_new_session=True,
        )
        try:
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                _signal(process.pid, signal.SIGKILL)
        return process.returncode or 0, said.decode(errors="replace")

    def stop(self) -> None:
        """Ask all to go, then make them."""
        going = self._running[::-1]
        self._running = []
        for _, process in going:
            _signal(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + GRACE
        for _, process in going:
            while _end(process) is None and time.monotonic() < deadline:
                time.sleep(0.01)
        for _, process in going:
            # Itself, if it would not go, and whatever it started and left behind.
            _signal(process.pid, signal.SIGKILL)
            process.wait()

    def _log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    @staticmethod
    def _tied(command: Sequence[str | Path], ending: signal.Signals) -> list[str]:
        return [sys.executable, "-S", str(TIED), str(int(ending)), str(os.getpid()), *map(str, command)]


def last_line(said: str) -> str:
    """The last line that says something: of a traceback, the error."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def _end(process: subprocess.Popen[bytes]) -> int | None:
    """How it ended, if it did. It is not reaped: its number stays its own until its group is gone."""
    ended = os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    return ended.si_status if ended is not None else None


def _signal(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on, all different."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def listening(port: int) -> Callable[[], bool]:
    """Whether somebody accepts connections on the port."""

    def ready() -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", port)) == 0

    return ready
