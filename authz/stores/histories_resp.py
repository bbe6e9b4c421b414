"""One connection to Redis or Valkey: RESP 2, everything pipelined. Knows no script and no cluster."""

import asyncio
import binascii
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast
from urllib.parse import unquote, urlsplit

Reply: TypeAlias = "bytes | int | list[Reply] | StoreError | None"
Part: TypeAlias = "bytes | str | int"

SLOTS: Final = 16_384
PORT: Final = 6379
MOST_REDIRECTIONS: Final = 5


class StoreError(Exception):
    """What Redis answered instead of a reply."""


class StoreDownError(Exception):
    """Redis can't be reached, or not in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where Redis is, as a URL said: `redis://[user:password@]host:port/db`, `rediss://`, `unix:///path`."""

    host: str = ""
    port: int = PORT
    path: str = ""
    """Unix socket; empty for TCP."""
    user: str = ""
    password: str = ""
    database: int = 0
    tls: bool = False


def parse_url(url: str) -> Server:
    """Where Redis is.

    Raises:
        ValueError: the URL says something else.
    """
    parts = urlsplit(url)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.scheme == "unix" and parts.path:
        return Server(path=parts.path, user=user, password=password)
    if parts.scheme not in {"redis", "rediss"} or not parts.hostname:
        raise ValueError("`redis://host:port/db`, `rediss://...` or `unix:///path` expected")
    return Server(
        host=parts.hostname,
        port=parts.port or PORT,
        user=user,
        password=password,
        database=int(parts.path.strip("/") or 0),
        tls=parts.scheme == "rediss",
    )


def slot_of(key: str) -> int:
    """The cluster's slot of a key: of what stands between the first braces, if anything does."""
    start = key.find("{")
    end = key.find("}", start + 1)
    if start >= 0 and end > start + 1:
        key = key[start + 1 : end]
    return binascii.crc_hqx(key.encode(), 0) % SLOTS


def encode(parts: Sequence[Part]) -> bytes:
    """A command as RESP."""
    out = [b"*%d\r\n" % len(parts)]
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        out.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(out)


def decode(buffer: bytes, start: int) -> tuple[Reply, int] | None:
    """The reply that begins at `start` and the place behind it; None while it is incomplete."""
    line_end = buffer.find(b"\r\n", start)
    if line_end < 0:
        return None
    kind, line, after = buffer[start : start + 1], buffer[start + 1 : line_end], line_end + 2
    match kind:
        case b"+":
            found: Reply = line
        case b"-":
            found = StoreError(line.decode(errors="replace"))
        case b":":
            found = int(line)
        case b"$":
            return _decode_text(buffer, int(line), after)
        case b"*":
            return _decode_list(buffer, int(line), after)
        case _:
            message = "no RESP"
            raise ValueError(message)
    return found, after


def _decode_text(buffer: bytes, size: int, after: int) -> tuple[Reply, int] | None:
    if size < 0:
        return None, after
    end = after + size
    return (buffer[after:end], end + 2) if len(buffer) >= end + 2 else None


def _decode_list(buffer: bytes, count: int, after: int) -> tuple[Reply, int] | None:
    if count < 0:
        return None, after
    items: list[Reply] = []
    for _ in range(count):
        found = decode(buffer, after)
        if found is None:
            return None
        item, after = found
        items.append(item)
    return items, after


class Connection(asyncio.Protocol):
    """One connection: commands out, replies in the same order."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[Reply]] = deque()
        self._buffer = b""
        self._out: list[bytes] = []
        self._transport: asyncio.Transport | None = None
        self.closed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        # uvloop's transports are no subclasses of asyncio's: asking with `isinstance` would find none.
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever still waits, waits in vain."""
        self.closed = True
        for future in self._waiting:
            if not future.done():
                future.set_exception(StoreDownError(f"the connection was lost: {exc or 'closed'}"))
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        """Replies, in the order of the commands."""
        buffer = self._buffer + data if self._buffer else data
        place = 0
        try:
            while self._waiting and (found := decode(buffer, place)) is not None:
                reply, place = found
                future = self._waiting.popleft()
                if not future.done():
                    future.set_result(reply)
        except ValueError:
            self.close()
            return
        self._buffer = buffer[place:]

    def send(self, parts: Sequence[Part]) -> "asyncio.Future[Reply]":
        """Send a command; what one turn of the loop sends leaves with one write."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        if self.closed or self._transport is None:
            future.set_exception(StoreDownError("not connected"))
            return future
        if not self._out:
            loop.call_soon(self._flush)
        self._out.append(encode(parts))
        self._waiting.append(future)
        return future

    def _flush(self) -> None:
        if self._transport is not None and not self.closed:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def close(self) -> None:
        """Hang up."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()


async def connect(server: Server, patience: float) -> Connection:
    """A connection, authenticated and on the right database.

    Raises:
        StoreDownError: not in time, or refused.
    """
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context() if server.tls else None
    try:
        async with asyncio.timeout(patience):
            if server.path:
                _, connection = await loop.create_unix_connection(Connection, server.path)
            else:
                _, connection = await loop.create_connection(
                    Connection, server.host, server.port, ssl=context
                )
            await _greet(connection, server)
    except (OSError, StoreError) as error:
        raise StoreDownError(str(error) or "no answer in time") from None
    return connection


async def _greet(connection: Connection, server: Server) -> None:
    commands: list[tuple[Part, ...]] = [("PING",)]
    if server.password:
        commands.insert(0, ("AUTH", *((server.user,) if server.user else ()), server.password))
    if server.database:
        commands.append(("SELECT", server.database))
    for command in commands:
        reply = await connection.send(command)
        if isinstance(reply, StoreError):
            connection.close()
            raise reply
