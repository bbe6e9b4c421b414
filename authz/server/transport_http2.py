"""The fast transport: our own HTTP/2 (`authz.http2`) on an `asyncio.Protocol`, for unary calls.

One read of a socket is parsed whole, its calls are decided as one batch, and the answers leave with one
write: no task and no `await` for an answer that is ready. Knows sockets, time and TLS; the rules of HTTP/2
are in the room behind it, and the decisions in the handlers before it.
"""

import asyncio
import contextlib
import inspect
import logging
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import inf
from pathlib import Path
from ssl import SSLContext
from typing import Any, Final, cast

from authz.http2 import Call, Connection, Limits, Status
from authz.server.transport import Answer, Handler, Methods

Listen = str | Path | tuple[str, int] | socket.socket
"""Path of a Unix socket, host and port, or a socket that is bound already."""
Admit = Callable[[asyncio.BaseTransport], bool]
"""Whether a peer may speak to us at all, by its certificate or address (`get_extra_info`)."""

_LOG: Final = logging.getLogger(__name__)
_BACKLOG: Final = 1024
_LINGER_SECONDS: Final = 1.0
"""How long a peer that was told goodbye has to hang up, so that it can read why."""


class Server:
    """Listening sockets and the connections that came through them."""

    def __init__(self, methods: Methods, limits: Limits, admit: Admit | None) -> None:
        self.methods = methods
        self.limits = limits
        self._admit = admit
        self._listener: asyncio.Server | None = None
        self._path: tuple[Path, int] | None = None
        self._peers: set[_Peer] = set()
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def sockets(self) -> Sequence[socket.socket]:
        """Where the server listens; empty once it drains."""
        return tuple(self._listener.sockets) if self._listener else ()

    @property
    def connections(self) -> int:
        """Connections that are open."""
        return len(self._peers)

    async def drain(self, seconds: float) -> None:
        """Accept nothing more, let calls in flight finish for at most `seconds`, then close what is left."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None
            self._unlink()
        for peer in tuple(self._peers):
            peer.drain(seconds)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._empty.wait(), seconds)
        for peer in tuple(self._peers):
            peer.abort()
        await self._empty.wait()

    async def start(self, listen: Listen, ssl: SSLContext | None) -> None:
        """Listen.

        Raises:
            OSError: The address cannot be had.
        """
        loop = asyncio.get_running_loop()
        common: dict[str, Any] = {"backlog": _BACKLOG, "ssl": ssl}
        if ssl is not None:
            ssl.set_alpn_protocols(["h2"])
            common["ssl_handshake_timeout"] = self.limits.handshake_seconds
        new = partial(_Peer, self, loop, tls=ssl is not None)
        if isinstance(listen, tuple):
            self._listener = await loop.create_server(new, *listen, **common)
        elif not isinstance(listen, socket.socket):
            self._listener = await loop.create_unix_server(new, os.fspath(listen), **common)
            self._path = (Path(listen), os.stat(listen).st_ino)  # noqa: PTH116 - at start only
        elif listen.family == socket.AF_UNIX:
            self._listener = await loop.create_unix_server(new, sock=listen, **common)
        else:
            self._listener = await loop.create_server(new, sock=listen, **common)

    def _unlink(self) -> None:
        """Remove our Unix socket, unless another server has put its own there."""
        if self._path is not None:
            path, inode = self._path
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_ino == inode:
                    path.unlink()

    def admits(self, transport: asyncio.BaseTransport) -> bool:
        """Whether a new connection may stay."""
        return len(self._peers) < self.limits.connections and (self._admit is None or self._admit(transport))

    def opened(self, peer: "_Peer") -> None:
        """A connection has been taken in."""
        self._peers.add(peer)
        self._empty.clear()

    def lost(self, peer: "_Peer") -> None:
        """A connection is gone."""
        self._peers.discard(peer)
        if not self._peers:
            self._empty.set()


class _Peer(asyncio.Protocol):
    """One connection: feeds what it reads to the HTTP/2 room, the calls to their handlers."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop, *, tls: bool) -> None:
        self._server = server
        self._methods = server.methods
        self._loop = loop
        self._tls = tls
        self._transport: asyncio.Transport
        self._connection: Connection
        self._tasks: dict[int, asyncio.Future[bytes]] = {}
        self._wake: asyncio.TimerHandle | None = None
        self._wake_at = inf
        self._stall: asyncio.TimerHandle | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._flushing = False
        self._closing = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        admitted = False
        try:
            admitted = self._server.admits(transport) and (not self._tls or _speaks_h2(transport))
        finally:
            if not admitted:
                self.abort()
        if not admitted:
            return
        self._server.opened(self)
        limits = self._server.limits
        self._transport.set_write_buffer_limits(high=limits.write_buffer_bytes)
        self._connection = Connection(limits, self._loop.time())
        self._closing = False
        self._flush()

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        now = self._loop.time()
        calls, cancelled = self._connection.receive(data, now)
        if cancelled:
            self._cancel(cancelled)
        if calls:
            self._decide(calls, now)
        self._flush()

    def eof_received(self) -> None:
        """Hang up too: a peer that is gone has nobody waiting for answers."""

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._closing = True
        self._cancel(tuple(self._tasks))
        for timer in (self._wake, self._stall, self._linger):
            _stop(timer)
        self._server.lost(self)

    def pause_writing(self) -> None:
        """The peer does not read: nor do we, and not for ever."""
        self._transport.pause_reading()
        self._stall = self._loop.call_later(self._server.limits.send_seconds, self._transport.abort)

    def resume_writing(self) -> None:
        _stop(self._stall)
        self._transport.resume_reading()

    def drain(self, seconds: float) -> None:
        """Finish what is in flight, then close."""
        if not self._closing:
            self._connection.drain(self._loop.time(), seconds)
            self._flush()

    def abort(self) -> None:
        """Close now."""
        self._transport.abort()

    # Calls

    def _decide(self, calls: Iterable[Call], now: float) -> None:
        groups: dict[str, list[Call]] = {}
        for call in calls:
            groups.setdefault(call.path, []).append(call)
        answer = self._connection.answer
        for path, group in groups.items():
            handler = self._methods.get(path)
            if handler is None:
                for call in group:
                    self._connection.fail(call.stream_id, Status.UNIMPLEMENTED, "unknown method", now)
                continue
            for call, answered in zip(group, _ask(handler, group), strict=True):
                if isinstance(answered, bytes):
                    answer(call.stream_id, answered, now)
                else:
                    self._await(call.stream_id, answered, now)

    def _await(self, stream_id: int, answer: object, now: float) -> None:
        if not inspect.isawaitable(answer):
            self._connection.fail(stream_id, Status.INTERNAL, "no answer", now)
            return
        task = asyncio.ensure_future(answer, loop=self._loop)
        self._tasks[stream_id] = task
        self._connection.wait(stream_id, now)
        task.add_done_callback(partial(self._arrived, stream_id))

    def _arrived(self, stream_id: int, task: asyncio.Future[bytes]) -> None:
        error = None if task.cancelled() else task.exception()
        if self._tasks.get(stream_id) is not task:
            return
        del self._tasks[stream_id]
        now = self._loop.time()
        if error is None and not task.cancelled() and isinstance(task.result(), bytes):
            self._connection.answer(stream_id, task.result(), now)
        else:
            _LOG.error("an answer failed", exc_info=error)
            self._connection.fail(stream_id, Status.INTERNAL, "no answer", now)
        if not self._flushing:
            # Answers that arrive in one turn of the loop leave with one write.
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _cancel(self, stream_ids: Iterable[int]) -> None:
        for stream_id in stream_ids:
            task = self._tasks.pop(stream_id, None)
            if task is not None:
                task.cancel()

    # Output, time and the end

    def _flush(self) -> None:
        self._flushing = False
        if self._closing:
            return
        connection = self._connection
        data = connection.take()
        if data:
            self._transport.write(data)
        if connection.finished:
            self._close()
        elif connection.due < self._wake_at:
            _stop(self._wake)
            self._wake_at = connection.due
            self._wake = self._loop.call_at(self._wake_at, self._expire)

    def _expire(self) -> None:
        self._wake, self._wake_at = None, inf
        self._cancel(self._connection.expire(self._loop.time()))
        self._flush()

    def _close(self) -> None:
        """Hang up so that the peer can read our last words: closing over unread bytes would destroy them."""
        fault = self._connection.fault
        if fault is not None:
            _LOG.debug("connection ended: %s", fault)
        self._closing = True
        self._cancel(tuple(self._tasks))
        # What is not sent yet has the time of any answer; whoever has everything need only hang up.
        unsent = self._transport.get_write_buffer_size() > 0
        seconds = self._server.limits.send_seconds if unsent else _LINGER_SECONDS
        self._linger = self._loop.call_later(seconds, self._transport.abort)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        else:
            self._transport.close()


def _stop(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def _speaks_h2(transport: asyncio.BaseTransport) -> bool:
    """Whether TLS agreed on HTTP/2 (RFC 9113 section 3.2)."""
    agreed = transport.get_extra_info("ssl_object")
    return agreed is not None and agreed.selected_alpn_protocol() == "h2"


def _ask(handler: Handler, calls: Sequence[Call]) -> Sequence[Answer | None]:
    """The handler's answers, or none at all if it fails: a refusal to answer is never an OK."""
    try:
        answers = handler([(call.metadata, call.message) for call in calls])
        if len(answers) == len(calls):
            return answers
        for answer in answers:
            if inspect.iscoroutine(answer):
                answer.close()
        _LOG.error("a handler gave %d answers to %d calls", len(answers), len(calls))
    except Exception:  # noqa: BLE001 - whatever is wrong with the handler, its callers get INTERNAL
        _LOG.exception("a handler failed")
    return [None] * len(calls)


async def serve(
    listen: Listen,
    methods: Methods,
    *,
    limits: Limits | None = None,
    ssl: SSLContext | None = None,
    admit: Admit | None = None,
) -> Server:
    """Serve `methods` on an address.

    Raises:
        OSError: The address cannot be had.
    """
    server = Server(methods, limits or Limits(), admit)
    await server.start(listen, ssl)
    return server
