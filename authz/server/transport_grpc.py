"""The portable transport: grpcio. A batch is one call, as they come one by one. It carries streams too."""

import base64
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

import grpc
import grpc.aio

from authz.server.settings import Tls
from authz.server.transport import Handler, Methods

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
Take: TypeAlias = Callable[[bytes], None]
"""Takes one message of a stream that is answered, emptily, when the client ends it."""
NO_STREAMS: Mapping[str, Take] = MappingProxyType({})
NAMES = ("x509_subject_alternative_name", "x509_common_name")
"""Where grpcio tells who the peer's certificate names."""


def _unary(handler: Handler, clients: frozenset[str] | None) -> Callable[[bytes, Context], Awaitable[bytes]]:
    async def call(message: bytes, context: Context) -> bytes:
        await _admitted(context, clients)
        metadata: dict[str, str] = {}
        for name, value in context.invocation_metadata() or ():
            text = value if isinstance(value, str) else base64.b64encode(value).decode().rstrip("=")
            metadata[name] = f"{metadata[name]},{text}" if name in metadata else text
        (answer,) = handler([(metadata, message)])
        if inspect.isawaitable(answer):
            return await answer
        return answer

    return call


async def _admitted(context: Context, clients: frozenset[str] | None) -> None:
    """Refuse a client that is none of those named."""
    if clients is not None and clients.isdisjoint(_names(context)):
        await context.abort(grpc.StatusCode.PERMISSION_DENIED, "this client is not one of those named")


def _names(context: Context) -> set[str]:
    """Names in the client's certificate, which the handshake verified."""
    peer = context.auth_context()
    return {value.decode("utf-8", "replace") for name in NAMES for value in peer.get(name, ())}


def _stream(
    take: Take, clients: frozenset[str] | None
) -> Callable[[AsyncIterator[bytes], Context], Awaitable[bytes]]:
    async def call(messages: AsyncIterator[bytes], context: Context) -> bytes:
        await _admitted(context, clients)
        async for message in messages:
            take(message)
        return b""

    return call


def _generic(
    methods: Methods, streams: Mapping[str, Take], clients: frozenset[str] | None
) -> list["grpc.GenericRpcHandler[bytes, bytes]"]:
    services: dict[str, dict[str, grpc.RpcMethodHandler[bytes, bytes]]] = {}
    for path, handler in methods.items():
        _, service, method = path.split("/")
        known = services.setdefault(service, {})
        known[method] = grpc.unary_unary_rpc_method_handler(_unary(handler, clients))
    for path, take in streams.items():
        _, service, method = path.split("/")
        known = services.setdefault(service, {})
        known[method] = grpc.stream_unary_rpc_method_handler(_stream(take, clients))
    return [grpc.method_handlers_generic_handler(name, known) for name, known in services.items()]


def _credentials(tls: Tls) -> grpc.ServerCredentials:
    return grpc.ssl_server_credentials(
        [(tls.key.read_bytes(), tls.certificate.read_bytes())],
        root_certificates=tls.client_ca.read_bytes(),
        require_client_auth=True,
    )


class GrpcServer:
    """A grpcio server on one address."""

    def __init__(
        self,
        methods: Methods,
        *,
        streams: Mapping[str, Take] = NO_STREAMS,
        tls: Tls | None = None,
        max_message_bytes: int = 4 * 1024 * 1024,
    ) -> None:
        self._tls = tls
        self._server = grpc.aio.server(
            options=[("grpc.max_receive_message_length", max_message_bytes), ("grpc.so_reuseport", 0)]
        )
        clients = frozenset(tls.clients) if tls is not None else None
        self._server.add_generic_rpc_handlers(_generic(methods, streams, clients))

    async def start(self, target: str) -> int:
        """Listen on `unix:PATH` or `HOST:PORT`; gives the port (0 or 1 for a Unix socket).

        Raises:
            OSError: the address can't be had, or a certificate can't be read.
        """
        try:
            if self._tls is None:
                port = self._server.add_insecure_port(target)
            else:
                port = self._server.add_secure_port(target, _credentials(self._tls))
        except RuntimeError as error:
            raise OSError(f"{target}: address in use or not to be had") from error
        await self._server.start()
        return port

    async def drain(self, seconds: float) -> None:
        """Take no new calls, finish those in flight for at most `seconds`, stop."""
        await self._server.stop(seconds)
