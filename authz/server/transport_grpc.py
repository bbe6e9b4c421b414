"""The portable transport: grpcio. Calls come one by one, so a batch is one call."""

import inspect
from collections.abc import Awaitable, Callable

import grpc
import grpc.aio

from authz.server.transport import Handler, Methods


def _unary(handler: Handler) -> Callable[[bytes, grpc.aio.ServicerContext], Awaitable[bytes]]:
    async def call(message: bytes, context: grpc.aio.ServicerContext) -> bytes:
        metadata = {
            name: value if isinstance(value, str) else value.decode("latin-1")
            for name, value in context.invocation_metadata() or ()
        }
        (answer,) = handler([(metadata, message)])
        if inspect.isawaitable(answer):
            return await answer
        return answer

    return call


def _generic(methods: Methods) -> list[grpc.GenericRpcHandler]:
    services: dict[str, dict[str, grpc.RpcMethodHandler]] = {}
    for path, handler in methods.items():
        _, service, method = path.split("/")
        services.setdefault(service, {})[method] = grpc.unary_unary_rpc_method_handler(_unary(handler))
    return [grpc.method_handlers_generic_handler(name, known) for name, known in services.items()]


class GrpcServer:
    """A grpcio server on one address."""

    def __init__(self, methods: Methods, *, max_message_bytes: int = 16 * 1024 * 1024) -> None:
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.so_reuseport", 0),
            ]
        )
        self._server.add_generic_rpc_handlers(_generic(methods))

    async def start(self, target: str, credentials: grpc.ServerCredentials | None = None) -> int:
        """Listen on `unix:PATH` or `HOST:PORT`; gives the port (0 or 1 for a Unix socket).

        Raises:
            OSError: the address can't be had.
        """
        try:
            if credentials is None:
                port = self._server.add_insecure_port(target)
            else:
                port = self._server.add_secure_port(target, credentials)
        except RuntimeError as error:
            raise OSError(f"{target}: address in use or not to be had") from error
        await self._server.start()
        return port

    async def drain(self, seconds: float) -> None:
        """Take no new calls, finish those in flight for at most `seconds`, stop."""
        await self._server.stop(seconds)
