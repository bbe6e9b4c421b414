"""One address, served by the transport that the settings name."""

import asyncio
import socket
import ssl
import stat
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Protocol

from authz.server.settings import Address, Settings, SettingsError, Tls
from authz.server.transport import Methods
from authz.server.transport_grpc import NO_STREAMS, GrpcServer, Take
from authz.server.transport_http2 import serve


class Listener(Protocol):
    """A transport that is listening."""

    async def drain(self, seconds: float) -> None:
        """Take no new calls, finish those in flight for at most `seconds`, stop."""
        ...


def free_socket(path: Path) -> None:
    """Make room for a Unix socket: remove one that nobody listens on.

    Raises:
        SettingsError: somebody listens there, it is no socket, or its folder is missing.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise SettingsError(f"--listen `unix:{path}`: folder `{path.parent}` does not exist") from None
        return
    except OSError as error:
        raise SettingsError(f"--listen `unix:{path}`: {(error.strerror or '').lower()}") from None
    if not stat.S_ISSOCK(mode):
        raise SettingsError(f"--listen `unix:{path}`: a file that is no socket stands there; remove it")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            with suppress(FileNotFoundError):
                path.unlink()
            return
    raise SettingsError(
        f"--listen `unix:{path}`: another process listens there; stop it or choose another path"
    )


async def listen(
    address: Address, settings: Settings, methods: Methods, streams: Mapping[str, Take] = NO_STREAMS
) -> Listener:
    """Listen on `address`; streams are carried by grpcio only.

    Raises:
        SettingsError: the address can't be had, or the certificates can't be used.
    """
    if address.unix is not None:
        free_socket(address.unix)
    try:
        if settings.transport == "http2" and methods:
            return await _http2(address, settings, methods)
        server = GrpcServer(methods, streams=streams, tls=settings.tls)
        await server.start(str(address))
        return server  # noqa: TRY300 - the other transport returns in the same place
    except (OSError, ssl.SSLError) as error:
        why = (error.strerror or str(error)).lower()
        raise SettingsError(
            f"--listen `{address}`: {why}; stop what uses it or choose another address"
        ) from None


async def _http2(address: Address, settings: Settings, methods: Methods) -> Listener:
    tls = settings.tls
    admit = partial(_named, frozenset(tls.clients)) if tls is not None else None
    where = address.unix if address.unix is not None else (address.host, address.port)
    return await serve(where, methods, ssl=_context(tls) if tls is not None else None, admit=admit)


def _context(tls: Tls) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(tls.certificate, tls.key)
    context.load_verify_locations(tls.client_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _named(clients: frozenset[str], transport: asyncio.BaseTransport) -> bool:
    """Whether the client's certificate, which the handshake verified, carries one of the names."""
    certificate = transport.get_extra_info("peercert") or {}
    names = {value for kind, value in certificate.get("subjectAltName", ()) if kind in {"URI", "DNS"}}
    names |= {
        value for part in certificate.get("subject", ()) for name, value in part if name == "commonName"
    }
    return not clients.isdisjoint(names)
