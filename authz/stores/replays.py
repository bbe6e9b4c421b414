"""Proofs of possession that were seen: shared by all workers of a machine, so that none is good twice.

One small SQLite file; what it holds is of no use to anyone and is gone after two minutes.
"""

import sqlite3
from datetime import datetime
from pathlib import Path

from authz.identity.dpop import WINDOW
from authz.stores.keys import StoreError

_SWEEP = 1000
"""Proofs between two sweepings."""


class Replays:
    """Remembers proofs for as long as they would be good."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path, timeout=1.0, isolation_level=None, check_same_thread=False
            )
            run = self._connection.execute
            run("PRAGMA journal_mode = WAL")
            run("PRAGMA synchronous = OFF")  # after a power cut all proofs are too old anyway
            run(
                "CREATE TABLE IF NOT EXISTS seen (name TEXT PRIMARY KEY, until INTEGER) STRICT, WITHOUT ROWID"
            )
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path}: {error}") from None

    def seen(self, name: str, at: datetime) -> bool:
        """Whether the proof was seen before, by any worker; from now on it was.

        Raises:
            StoreError: it cannot be told: then the call must be refused.
        """
        now = int(at.timestamp())
        try:
            self._count += 1
            if self._count % _SWEEP == 0:
                self._connection.execute("DELETE FROM seen WHERE until < ?", (now,))
            done = self._connection.execute(
                "INSERT OR IGNORE INTO seen VALUES (?, ?)", (name, now + 2 * WINDOW + 1)
            )
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from None
        return done.rowcount == 0

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
