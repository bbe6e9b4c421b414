"""HTTP and syslog receivers that the tests start: they keep what they got and can be told to misbehave."""

import gzip
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True, slots=True)
class Post:
    """One request as it came, its body unpacked."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver says; `fault` is what it does instead."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""
    """`drop`: closes after half of the body it announced; `hang`: says nothing."""


@dataclass(slots=True)
class HttpReceiver:
    """Everything that was posted, and the rule for answers."""

    answer: Callable[[Post], Answer]
    url: str = ""
    posts: list[Post] = field(default_factory=list)
    taken: list[Post] = field(default_factory=list)
    """Those that were answered with success."""
    release: threading.Event = field(default_factory=threading.Event)


@contextmanager
def http_receiver(answer: Callable[[Post], Answer] = lambda _: Answer()) -> Iterator[HttpReceiver]:
    """An HTTP/1.1 server on a free port of the loopback."""
    receiver = HttpReceiver(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Keep the request and answer."""
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            post = Post(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            receiver.posts.append(post)
            said = receiver.answer(post)
            if said.fault == "hang":
                receiver.release.wait(30)
                self.close_connection = True
                return
            if 200 <= said.status < 300 and not said.fault:
                receiver.taken.append(post)
            self.send_response(said.status)
            for name, value in said.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(said.body) * (2 if said.fault else 1)))
            self.end_headers()
            self.wfile.write(said.body)
            if said.fault == "drop":
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Tests look at what was kept."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield receiver
    finally:
        receiver.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


def certificate(folder: Path) -> tuple[Path, Path]:
    """A self-signed certificate for the loopback and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    chain, secret = folder / "receiver.pem", folder / "receiver.key"
    chain.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return chain, secret


@contextmanager
def syslog_receiver(tls: ssl.SSLContext | None) -> Iterator[tuple[int, list[bytes]]]:
    """A receiver of octet-counted syslog; gives its port and the messages."""
    messages: list[bytes] = []

    class Handler(socketserver.StreamRequestHandler):
        def setup(self) -> None:
            if tls is not None:
                self.request = tls.wrap_socket(self.request, server_side=True)
            super().setup()

        def finish(self) -> None:
            super().finish()
            self.request.close()

        def handle(self) -> None:
            while True:
                size = b""
                while (digit := self.rfile.read(1)) not in {b" ", b""}:
                    size += digit
                if not digit:
                    return
                messages.append(self.rfile.read(int(size)))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not trust us goes away: that is what a test asks for."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_address[1], messages
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
