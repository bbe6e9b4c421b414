"""One contract for both transports, asked by a real grpcio client over a Unix socket."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import grpc.aio
import pytest

from authz.server.transport import Answer, Metadata, Methods
from authz.server.transport_grpc import GrpcServer
from authz.server.transport_http2 import serve

ECHO, LATER, BROKEN, BROKEN_LATER = "/t.T/Echo", "/t.T/Later", "/t.T/Broken", "/t.T/BrokenLater"


def echo(calls: Sequence[tuple[Metadata, bytes]]) -> Sequence[Answer]:
    """What came: the message, and the metadata of ours."""
    return [f"{message.decode()}|{metadata.get('x-one')}".encode() for metadata, message in calls]


def later(calls: Sequence[tuple[Metadata, bytes]]) -> Sequence[Answer]:
    """The message, once the loop has turned."""

    async def one(message: bytes) -> bytes:
        await asyncio.sleep(0)
        return message

    return [one(message) for _, message in calls]


def broken(calls: Sequence[tuple[Metadata, bytes]]) -> Sequence[Answer]:
    """Fail."""
    raise RuntimeError(len(calls))


def broken_later(calls: Sequence[tuple[Metadata, bytes]]) -> Sequence[Answer]:
    """Fail, once the loop has turned."""

    async def one() -> bytes:
        await asyncio.sleep(0)
        raise RuntimeError

    return [one() for _ in calls]


METHODS: Methods = {ECHO: echo, LATER: later, BROKEN: broken, BROKEN_LATER: broken_later}


@asynccontextmanager
async def channel(transport: str, folder: Path) -> AsyncIterator[grpc.aio.Channel]:
    """A client of a server on this transport."""
    path = folder / "s"
    if transport == "http2":
        server = await serve(path, METHODS)
        drain = server.drain
    else:
        grpcio = GrpcServer(METHODS)
        await grpcio.start(f"unix:{path}")
        drain = grpcio.drain
    try:
        async with grpc.aio.insecure_channel(f"unix:{path}") as made:
            yield made
    finally:
        await drain(1)


@pytest.mark.parametrize("transport", ["http2", "grpc"])
async def test_both_transports_keep_one_contract(transport: str, tmp_path: Path) -> None:
    """A handler must not be able to tell which one carries its calls, nor a client who answers."""
    async with channel(transport, tmp_path) as client:

        async def ask(path: str, message: bytes = b"m", *pairs: tuple[str, str]) -> bytes:
            return bytes(await client.unary_unary(path, bytes, bytes)(message, timeout=5, metadata=pairs))

        async def refused(path: str) -> grpc.StatusCode:
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await ask(path)
            return error.value.code()

        assert await ask(ECHO, b"hello", ("x-one", "1")) == b"hello|1"
        assert await ask(ECHO, b"", ("x-one", "1"), ("x-one", "2")) == b"|1,2"
        assert await ask(ECHO, b"x" * 1_000_000) == b"x" * 1_000_000 + b"|None"
        assert await ask(LATER) == b"m"
        assert await asyncio.gather(*[ask(LATER, str(n).encode()) for n in range(50)]) == [
            str(n).encode() for n in range(50)
        ]
        assert await refused("/t.T/Unknown") is grpc.StatusCode.UNIMPLEMENTED
        assert await refused(BROKEN) in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
        assert await refused(BROKEN_LATER) in {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN}
