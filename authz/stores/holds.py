"""Callers that drift has suspended and that have no key to suspend: an agent under one user and persona.

A hold acts in this process at once, everywhere within a second, and outlives it. Only a person releases it.
"""

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from authz.core.call import Caller
from authz.stores.keys import StoreError

Held: TypeAlias = tuple[str, str, str]
"""Agent, user, persona."""
TABLE = """
CREATE TABLE IF NOT EXISTS holds (
    agent TEXT NOT NULL, user TEXT NOT NULL, persona TEXT NOT NULL, why TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (agent, user, persona)
) STRICT, WITHOUT ROWID;
"""


class Holds:
    """The holds of one state folder; any number of processes may have it open."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._database = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(TABLE)
        self._version = -1
        self._held: set[Held] = set()
        self._unwritten: set[Held] = set()
        self.refresh()

    def held(self, caller: Caller) -> bool:
        """Whether the caller is suspended."""
        return bool(self._held) and _of(caller) in self._held

    def hold_now(self, caller: Caller) -> None:
        """Suspend in this process, until `write` has made it so everywhere."""
        self._held.add(_of(caller))
        self._unwritten.add(_of(caller))

    def write(self, caller: Caller, why: str, at: datetime) -> None:
        """Suspend everywhere; may be called in a thread of its own."""
        self._database.execute(
            "INSERT OR REPLACE INTO holds VALUES (?, ?, ?, ?, ?)", (*_of(caller), why, at.isoformat())
        )
        self._unwritten.discard(_of(caller))

    def release(self, agent: str, user: str, persona: str) -> bool:
        """Let it work again; False when it was not held."""
        done = self._database.execute(
            "DELETE FROM holds WHERE agent = ? AND user = ? AND persona = ?", (agent, user, persona)
        )
        self._version = -1
        self.refresh()
        return done.rowcount > 0

    def listed(self) -> list[tuple[str, str, str, str, str]]:
        """Agent, user, persona, why and since when."""
        return self._database.execute(
            "SELECT agent, user, persona, why, at FROM holds ORDER BY at"
        ).fetchall()

    def refresh(self) -> None:
        """Learn what other processes did; cheap while they did nothing."""
        try:
            version = self._database.execute("PRAGMA data_version").fetchone()[0]
            if version == self._version:
                return
            rows = self._database.execute("SELECT agent, user, persona FROM holds").fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"holds cannot be read: {error}") from None
        else:
            self._held = {(str(a), str(u), str(p)) for a, u, p in rows} | self._unwritten
            self._version = version

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()


def _of(caller: Caller) -> Held:
    return caller.agent.id, caller.user, caller.persona


def open_holds(state: Path) -> Holds:
    """The holds of this state folder.

    Raises:
        StoreError: the folder or the database cannot be used.
    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Holds(state / "holds.sqlite")
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{state}: {error}") from None
