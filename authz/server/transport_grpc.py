"""The portable transport: grpcio. Calls come one by one, so a batch is one call."""

import inspect
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import grpc
import grpc.aio

from authz.server.settings import Tls
from authz.server.transport import Handler, Methods

Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
NAMES = ("x509_subject_alternative_name", "x509_common_name")
"""Where grpcio tells who the peer's certificate names."""


def _unary(handler: Handler, clients: frozenset[str] | None) -> Callable[[bytes, Context], Awaitable[bytes]]:
    async def call(message: bytes, context: Context) -> bytes:
        if clients is not None and clients.isdisjoint(_names(context)):
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, "this client is not one of those named")
        metadata = {
            name: value if isinstance(value, str) else value.decode("latin-1")
            for name, value in context.invocation_metadata() or ()
        }
        (answer,) = handler([(metadata, message)])
        if inspect.isawaitable(answer):
            return await answer
        return answer

    return call


def _names(context: Context) -> set[str]:
    """Names in the client's certificate, which the handshake verified."""
    peer = context.auth_context()
    return {value.decode("utf-8", "replace") for name in NAMES for value in peer.get(name, ())}


def _generic(
    methods: Methods, clients: frozenset[str] | None
) -> list["grpc.GenericRpcHandler[bytes, bytes]"]:
    services: dict[str, dict[str, grpc.RpcMethodHandler[bytes, bytes]]] = {}
    for path, handler in methods.items():
        _, service, method = path.split("/")
        known = services.setdefault(service, {})
        known[method] = grpc.unary_unary_rpc_method_handler(_unary(handler, clients))
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
        self, methods: Methods, *, tls: Tls | None = None, max_message_bytes: int = 16 * 1024 * 1024
    ) -> None:
        self._tls = tls
        self._server = grpc.aio.server(
            options=[("grpc.max_receive_message_length", max_message_bytes), ("grpc.so_reuseport", 0)]
        )
        clients = frozenset(tls.clients) if tls is not None else None
        self._server.add_generic_rpc_handlers(_generic(methods, clients))

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
