"""Definitions that change while the service runs: a good set replaces the old whole, a broken one never."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from authz.compiler import Compiled, DefinitionsError
from authz.stores.definitions import load

log = logging.getLogger(__name__)

Signature = frozenset[tuple[str, int, int, int]]


def signature(folder: Path) -> Signature:
    """What tells one state of the folder from another: names, inodes, sizes and times of its files."""
    try:
        paths = sorted(folder.iterdir()) if folder.is_dir() else [folder]
        stats = [(path, path.stat()) for path in paths if not path.name.startswith(".")]
    except OSError:
        return frozenset()
    return frozenset((path.name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in stats)


class Watch:
    """Looks at the definitions folder and hands over each new set that compiles."""

    def __init__(
        self,
        folder: Path,
        accept: Callable[[Compiled], None],
        refuse: Callable[[DefinitionsError], None],
        *,
        seconds: float,
    ) -> None:
        self._folder = folder
        self._accept = accept
        self._refuse = refuse
        self._seconds = seconds
        self._seen = signature(folder)
        self._asked = asyncio.Event()

    def ask(self) -> None:
        """Read the folder now, changed or not (SIGHUP)."""
        self._asked.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            try:
                await asyncio.wait_for(self._asked.wait(), self._seconds)
                self._asked.clear()
            except TimeoutError:
                if signature(self._folder) == self._seen:
                    continue
            # Taken before reading: what changes while it is read is read again.
            self._seen = signature(self._folder)
            try:
                compiled = await asyncio.to_thread(load, self._folder)
            except DefinitionsError as error:
                log.warning(
                    "definitions kept as they were: %d errors in %s", len(error.problems), self._folder
                )
                self._refuse(error)
            else:
                self._accept(compiled)
