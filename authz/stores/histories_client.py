"""Redis as the histories need it: scripts, a cluster's redirections, a breaker that lets nothing pile up."""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from authz.stores.histories_resp import (
    MOST_REDIRECTIONS,
    Connection,
    Part,
    Reply,
    Server,
    StoreDownError,
    StoreError,
    connect,
    slot_of,
)

PATIENCE: Final = 0.020
"""Seconds that a call waits for its history."""
PATIENCE_TO_CONNECT: Final = 1.0
RETRY: Final = 0.25
"""Seconds between attempts to connect again."""


class Client:
    """One Redis, or one cluster, seen from one event loop."""

    def __init__(self, server: Server, script: str, *, patience: float = PATIENCE) -> None:
        self._home = server
        self._script = script
        self._sha = hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()
        self._patience = patience
        self._nodes: dict[Server, Connection] = {}
        self._slots: dict[int, Server] = {}
        self._connecting: dict[Server, asyncio.Task[None]] = {}
        self._closed = False

    async def start(self) -> None:
        """Connect once; a node that is down is tried again and again."""
        await self._connect(self._home)
        if self._home not in self._nodes:
            self._mend(self._home)

    async def run(self, keys: Sequence[str], argument: bytes) -> Reply:
        """Run the script, atomically, on these keys.

        Raises:
            StoreDownError: no answer within the patience.
            StoreError: Redis objects.
        """
        rest: tuple[Part, ...] = (len(keys), *keys, argument)
        try:
            return await self.command(keys[0], "EVALSHA", self._sha, *rest)
        except StoreError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
        return await self.command(keys[0], "EVAL", self._script, *rest)

    async def command(self, key: str, *parts: Part) -> Reply:
        """Send a command to the node that has `key`.

        Raises:
            StoreDownError: no answer within the patience.
            StoreError: Redis objects.
        """
        slot = slot_of(key)
        server = self._slots.get(slot, self._home)
        asking = False
        for _ in range(MOST_REDIRECTIONS):
            connection = await self._connection(server)
            if asking:
                connection.send(("ASKING",)).add_done_callback(_ignored)
            reply = await self._patiently(server, connection, parts)
            if not isinstance(reply, StoreError):
                return reply
            kind, _, rest = str(reply).partition(" ")
            if kind not in {"MOVED", "ASK"}:
                raise reply
            host, _, port = rest.split(" ")[1].rpartition(":")
            server = replace(self._home, host=host or self._home.host, port=int(port), path="")
            asking = kind == "ASK"
            if not asking:
                self._slots[slot] = server
        raise StoreDownError("the cluster redirects in circles")

    async def close(self) -> None:
        """Hang up everywhere."""
        self._closed = True
        for task in self._connecting.values():
            task.cancel()
        for connection in self._nodes.values():
            connection.close()

    @property
    def up(self) -> bool:
        """Whether the first node is reachable, as far as is known."""
        connection = self._nodes.get(self._home)
        return connection is not None and not connection.closed

    async def _connection(self, server: Server) -> Connection:
        connection = self._nodes.get(server)
        if connection is None and server is not self._home and server not in self._connecting:
            await self._connect(server)
            connection = self._nodes.get(server)
        if connection is None or connection.closed:
            self._mend(server)
            raise StoreDownError("the shared store is down")
        return connection

    async def _patiently(self, server: Server, connection: Connection, parts: Sequence[Part]) -> Reply:
        future = connection.send(parts)
        late = asyncio.get_running_loop().call_later(self._patience, _give_up, future)
        try:
            return await future
        except StoreDownError:
            # A node that hangs is as good as down: what is in flight fails with it, the next calls at once.
            connection.close()
            self._nodes.pop(server, None)
            self._mend(server)
            raise
        finally:
            late.cancel()

    def _mend(self, server: Server) -> None:
        """Connect again in the background, until it works."""
        if not self._closed and server not in self._connecting:
            task = asyncio.ensure_future(self._again(server))
            self._connecting[server] = task
            task.add_done_callback(lambda _: self._connecting.pop(server, None))

    async def _again(self, server: Server) -> None:
        while not self._closed:
            await self._connect(server)
            if server in self._nodes:
                return
            await asyncio.sleep(RETRY)

    async def _connect(self, server: Server) -> None:
        try:
            self._nodes[server] = await connect(server, PATIENCE_TO_CONNECT)
        except StoreDownError:
            self._nodes.pop(server, None)


def _give_up(future: "asyncio.Future[Reply]") -> None:
    if not future.done():
        future.set_exception(StoreDownError("no answer in time"))


def _ignored(future: "asyncio.Future[Reply]") -> None:
    if not future.cancelled():
        future.exception()
