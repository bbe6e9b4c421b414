"""Several workers: one process each, on an address each, so that Envoy balances calls among them.

Envoy keeps one HTTP/2 connection a thread to each address, so that workers behind one shared port would be
loaded by chance. Knows processes and addresses; decides nothing.
"""

import asyncio
import logging
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from authz.server.settings import Address

log = logging.getLogger("personas")

SLOWEST = 30.0
"""Longest pause in seconds before a worker that keeps dying is started again."""


def address_of(address: Address, worker: int) -> Address:
    """Where this worker listens: the port plus its number, or the socket's path with `.NUMBER` behind it."""
    if address.unix is not None:
        return Address(unix=address.unix.with_name(f"{address.unix.name}.{worker}"))
    return Address(host=address.host, port=address.port + worker)


@dataclass(slots=True)
class Workers:
    """Keeps N workers running; one that dies is started again, and the others don't notice."""

    command: Sequence[str]
    """What starts a worker, without its number."""
    count: int
    _running: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)
    _failed: int = 0

    async def run(self) -> int:
        """Run until SIGTERM or SIGINT; gives the status that all of it ends with."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        loop.add_signal_handler(signal.SIGHUP, self._tell, signal.SIGHUP)
        keepers = [asyncio.create_task(self._keep(number, stop)) for number in range(self.count)]
        await stop.wait()
        self._tell(signal.SIGTERM)
        await asyncio.gather(*keepers)
        return 2 if self._failed else 0

    async def _keep(self, number: int, stop: asyncio.Event) -> None:
        pause = 0.1
        ended = asyncio.create_task(stop.wait())
        while not stop.is_set():
            began = asyncio.get_running_loop().time()
            # The worker ends when our end of the pipe is closed, however we end.
            process = await asyncio.create_subprocess_exec(
                *self.command, "--worker", str(number), stdin=asyncio.subprocess.PIPE
            )
            self._running[number] = process
            if stop.is_set():
                self._tell(signal.SIGTERM)
            status = await process.wait()
            del self._running[number]
            if stop.is_set():
                break
            lived = asyncio.get_running_loop().time() - began
            if status == 2 and lived < SLOWEST:  # noqa: PLR2004 - wrong usage: it would only say so again
                self._failed += 1
                stop.set()
                break
            pause = 0.1 if lived > SLOWEST else min(pause * 2, SLOWEST)
            log.warning("worker %d ended with status %s: started again in %.1f s", number, status, pause)
            await asyncio.wait({ended}, timeout=pause)
        ended.cancel()

    def _tell(self, name: signal.Signals) -> None:
        for process in self._running.values():
            with suppress(ProcessLookupError):
                process.send_signal(name)


def worker_command(arguments: Sequence[str]) -> list[str]:
    """The command line of a worker with these arguments of `serve`."""
    return [sys.executable, "-m", "authz.cli.main", "serve", *arguments]
