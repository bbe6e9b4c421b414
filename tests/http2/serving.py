"""A server on a thread of its own, a client by hand, and certificates: what tests of the transport need."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from authz.http2 import ErrorCode, frames
from authz.server.transport_http2 import Server
from tests.http2.wire import SHRINK, Frame, block, headers, split

PATIENCE = 10.0
"""Seconds after which what has not happened never will."""
LOOPS: Mapping[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs on another thread."""

    server: Server
    loop: asyncio.AbstractEventLoop

    def drain(self, seconds: float = PATIENCE) -> None:
        """Drain it and wait for that."""
        asyncio.run_coroutine_threadsafe(self.server.drain(seconds), self.loop).result(PATIENCE + seconds)

    @property
    def target(self) -> str:
        """Where it listens, as grpcio writes it."""
        address = self.server.sockets[0].getsockname()
        return f"unix:{address}" if isinstance(address, str) else f"127.0.0.1:{address[1]}"


@contextmanager
def running(start: Callable[[], "asyncio.Future[Server]"], loop_name: str = "uvloop") -> Iterator[Running]:
    """Run a server on its own thread until the block ends."""
    loop = LOOPS[loop_name]()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(_started(start), loop).result(PATIENCE)
        try:
            yield Running(server, loop)
        finally:
            asyncio.run_coroutine_threadsafe(server.drain(0.1), loop).result(PATIENCE)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


async def _started(start: Callable[[], "asyncio.Future[Server]"]) -> Server:
    return await start()


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end
        threading.Event().wait(0.005)


class Raw:
    """A client by hand, over a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sock.settimeout(PATIENCE)
        self._rest = b""

    def hello(self, settings: Mapping[int, int] | None = None) -> None:
        """Preface, SETTINGS, acknowledgement; stream 1 is spent on the block that empties the table."""
        self.send(
            frames.PREFACE,
            frames.settings(settings or {}),
            frames.frame(frames.SETTINGS, frames.ACK, 0),
            headers(1, SHRINK + block()),
            frames.reset(1, ErrorCode.CANCEL),
        )

    def send(self, *parts: bytes) -> None:
        """Send all of it at once."""
        self._sock.sendall(b"".join(parts))

    def send_all(self, parts: Iterable[bytes]) -> None:
        """Send one after the other."""
        for part in parts:
            self.send(part)

    def read_until(self, wanted: Callable[[Frame], bool]) -> list[Frame]:
        """The frames up to one that is wanted."""
        found: list[Frame] = []
        while not any(wanted(one) for one in found):
            new = self._read()
            assert new is not None, "the server hung up"
            found += new
        return found

    def read_to_end(self) -> list[Frame]:
        """The frames up to the end of the connection."""
        found: list[Frame] = []
        while (new := self._read()) is not None:
            found += new
        return found

    def close(self) -> None:
        """Hang up."""
        self._sock.close()

    def _read(self) -> list[Frame] | None:
        try:
            data = self._sock.recv(65_536)
        except ConnectionResetError:
            return None
        if not data:
            return None
        self._rest += data
        at = 0
        while len(self._rest) - at >= 9:
            size = 9 + int.from_bytes(self._rest[at : at + 3], "big")
            if len(self._rest) - at < size:
                break
            at += size
        whole, self._rest = self._rest[:at], self._rest[at:]
        return split(whole)


@contextmanager
def raw(server: Running) -> Iterator[Raw]:
    """A client by hand, connected."""
    address = server.server.sockets[0].getsockname()
    with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as sock:
        sock.connect(address)
        yield Raw(sock)


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and its key, as PEM and as files."""

    certificate: bytes
    key: bytes
    certificate_file: Path
    key_file: Path


class Authority:
    """Issues certificates for a test."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        certificate = self._sign(self._name, self._key, x509.BasicConstraints(ca=True, path_length=None))
        self.pem = certificate.public_bytes(serialization.Encoding.PEM)
        self.file = folder / "authority.pem"
        self.file.write_bytes(self.pem)

    def issue(self, name: str) -> Identity:
        """A certificate for a name, valid for the loopback address."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ip_address("127.0.0.1"))])
        certificate = self._sign(subject, key, names).public_bytes(serialization.Encoding.PEM)
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        certificate_file, key_file = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate_file.write_bytes(certificate)
        key_file.write_bytes(secret)
        return Identity(certificate, secret, certificate_file, key_file)

    def context(self, name: str, *, mutual: bool = False) -> ssl.SSLContext:
        """For a server; with `mutual`, one that asks its clients for a certificate of this authority."""
        identity = self.issue(name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(identity.certificate_file, identity.key_file)
        if mutual:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file)
        return context

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        )
        return builder.sign(self._key, hashes.SHA256())
