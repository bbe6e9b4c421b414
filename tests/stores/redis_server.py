"""A real `redis-server` for tests: its own folder, a Unix socket, nothing on disk."""

import signal
import socket
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 10.0


class RedisServer:
    """One server; can be stopped, hung and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self.options: tuple[str, ...] = ("--port", "0")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = ["redis-server", "--unixsocket", str(self.socket), "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen(
            [*command, "--dir", str(self.folder), *self.options], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            if time.monotonic() > deadline:
                self.stop()
                message = "redis-server does not answer"
                raise TimeoutError(message)
            time.sleep(0.01)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(5) == b"+PONG"
            except OSError:
                return False

    def hang(self) -> None:
        """Let it live and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """Kill it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.socket.unlink(missing_ok=True)


class ClusterNode(RedisServer):
    """A server that listens on a port and has cluster mode on."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        super().__init__(folder)
        with socket.create_server(("127.0.0.1", 0)) as one:
            self.port: int = one.getsockname()[1] % 40_000 + 1024
        self.url = f"redis://127.0.0.1:{self.port}"
        self.options = ("--port", str(self.port), "--cluster-enabled", "yes")
