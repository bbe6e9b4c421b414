"""The client under peers that misbehave."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from authz.stores.histories_client import Client
from authz.stores.histories_resp import Server, StoreDownError

Reply = Callable[[bytes, int], bytes]


@asynccontextmanager
async def peer(answers: Reply) -> AsyncIterator[Server]:
    """A peer that answers what it likes; PING always works."""
    port = 0
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        try:
            while data := await reader.read(65536):
                writer.write(b"+PONG\r\n" if b"PING" in data else answers(data, port))
        except ConnectionError:
            pass  # the client hung up
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    yield Server(host=host, port=port)
    server.close()
    await server.wait_closed()
    await asyncio.wait(serving, timeout=5)


async def test_a_cluster_that_redirects_in_circles_is_given_up() -> None:
    """Not followed for ever."""
    async with peer(lambda _, port: b"-MOVED 0 127.0.0.1:%d\r\n" % port) as server:
        client = Client(server, "return 1", patience=5)
        await client.start()
        with pytest.raises(StoreDownError):
            await client.command("k", "GET", "k")
        await client.close()


async def test_who_answers_too_late_answers_nothing() -> None:
    """A call waits 20 ms, those behind it not at all until the peer is connected anew."""
    async with peer(lambda _data, _port: b"") as server:
        client = Client(server, "return 1")
        await client.start()
        began = time.monotonic()
        found = await asyncio.gather(
            *(client.command("k", "GET", "k") for _ in range(100)), return_exceptions=True
        )
        took = time.monotonic() - began
        await client.close()

    assert {type(one) for one in found} == {StoreDownError}
    assert took < 0.5
