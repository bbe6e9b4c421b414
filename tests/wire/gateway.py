"""The whole way as processes: Envoy as `personas envoy render` makes it, `personas serve`, and apps."""

import http.client
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import orjson

from tests.integration.running import PATIENCE, ROOT, personas, service

ENVOY = Path(sys.executable).parent / "envoy"


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Gateway:
    """Where agents connect, and the state of the authorizer behind it."""

    port: int
    state: Path

    def key(self, agent: str, persona: str, user: str = "alice@example.com") -> str:
        """A new key, once the service has learned of it."""
        done = personas(
            "keys", "issue", "--agent", agent, "--user", user, "--persona", persona,
            "--ttl", "1d", "--state", str(self.state), "--json",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        key: str = orjson.loads(done.stdout)["key"]
        deadline = time.monotonic() + PATIENCE
        while self._status(key) in {401, 503}:
            assert time.monotonic() < deadline, "the key was never learned of"
        return key

    def _status(self, key: str) -> int:
        """What a request that belongs to no app is answered."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("GET", "/nothing-here", headers={"authorization": f"Bearer {key}"})
            return connection.getresponse().status
        finally:
            connection.close()


@contextmanager
def gateway(folder: Path, definitions: Path, *options: str) -> Iterator[Gateway]:
    """Envoy and authorizer over `definitions`, ready."""
    port = free_port()
    with service(folder, definitions) as running:
        rendered = personas(
            "envoy", "render", "--defs", str(definitions), "--listen", f"127.0.0.1:{port}",
            "--authorizer", running.target, *options,
        )  # fmt: skip
        assert rendered.returncode == 0, rendered.stderr
        (folder / "envoy.yaml").write_text(rendered.stdout)
        with envoy(folder / "envoy.yaml", port, folder / "envoy.log"):
            yield Gateway(port, running.state)


@contextmanager
def envoy(configuration: Path, port: int, log: Path) -> Iterator[None]:
    """Envoy with a configuration, once it accepts connections on `port`."""
    with log.open("wb") as said:
        arguments = ["-c", str(configuration), "--use-dynamic-base-id", "--concurrency", "1", "-l", "warning"]
        process = subprocess.Popen([ENVOY, *arguments], stderr=said, stdout=said, cwd=ROOT)
    try:
        wait_for(port, process.poll, log)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE)


def wait_for(port: int, gone: Callable[[], object], log: Path) -> None:
    """Until somebody accepts connections."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if gone() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text()[-3000:])


@dataclass(slots=True)
class Echo:
    """An app that takes everything and remembers it."""

    port: int
    seen: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def echo(port: int) -> Iterator[Echo]:
    """Such an app, running."""
    found = Echo(port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def take(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length)
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.seen.append((self.command, self.path, headers, body))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    for method in ("GET", "POST", "PUT", "DELETE", "HEAD"):
        setattr(Handler, f"do_{method}", Handler.take)
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(PATIENCE)


def copied(source: Path, folder: Path, ports: dict[str, int]) -> Path:
    """Definitions in `folder`, with other ports."""
    shutil.copytree(source, folder)
    for file in folder.glob("*.yaml"):
        text = file.read_text()
        for old, new in ports.items():
            text = text.replace(f"127.0.0.1:{old}", f"127.0.0.1:{new}")
        file.write_text(text)
    return folder
