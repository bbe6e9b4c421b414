"""Keeps the exporter process running beside the worker: ended with it, started again when it dies."""

import asyncio
import logging
import sys
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

log = logging.getLogger("personas")

SLOWEST = 30.0
"""Longest pause in seconds before a failed exporter is started again."""
PATIENCE = 2.0
"""Seconds that it gets to ship what is there before it is killed; the next one goes on where it was."""


class Exporter:
    """`personas export` as a child: nothing of it runs in the process that decides."""

    def __init__(self, state: Path, otlp: str | None, config: Path | None = None) -> None:
        self._command = (
            sys.executable, "-m", "authz.cli.main", "export", "--state", str(state), "--until-stdin-closes",
            *(("--otlp", otlp) if otlp is not None else ()),
            *(("--config", str(config)) if config is not None else ()),
        )  # fmt: skip
        self._keeper: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        """Start it."""
        self._keeper = asyncio.create_task(self._keep())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let it ship what is there, then end it."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _keep(self) -> None:
        pause = 0.5
        while True:
            began = asyncio.get_running_loop().time()
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                # Our end of the pipe closes however we end, `kill -9` included: it never outlives us.
                stdin=asyncio.subprocess.PIPE,
            )
            status = await self._process.wait()
            lived = asyncio.get_running_loop().time() - began
            pause = 0.5 if lived > SLOWEST else min(pause * 2, SLOWEST)
            log.warning("the exporter ended with status %s: started again in %.1f s", status, pause)
            await asyncio.sleep(pause)
