"""Agent Access Keys in SQLite: WAL, safe under several processes, durable at commit.

Knows SQL and nothing of what a key means. Every row carries the number of the change that wrote it last, so
that another process reads just what is new to it.
"""

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from sys import intern
from typing import Any

from authz.identity.record import KeyRecord, LifeError
from authz.stores.keys import GRACE, Change, KeyChange, KeyStore, StoreError, read_pepper

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE keys (
        id TEXT PRIMARY KEY, env TEXT NOT NULL,
        agent TEXT NOT NULL, model TEXT, version TEXT, deployment TEXT,
        user TEXT NOT NULL, persona TEXT NOT NULL,
        digest BLOB NOT NULL, previous BLOB, previous_until INTEGER,
        expires INTEGER NOT NULL, suspended INTEGER NOT NULL, revoked INTEGER,
        networks TEXT NOT NULL, workload TEXT,
        issued_by TEXT NOT NULL, issued_at INTEGER NOT NULL,
        changed INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX keys_changed ON keys (changed);
    CREATE TABLE last_use (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
    """,
)
"""Append-only: number n brings a database of version n to n + 1."""

_COLUMNS = (
    "id, env, agent, model, version, deployment, user, persona, digest, previous, previous_until, "
    "expires, suspended, revoked, networks, workload, issued_by, issued_at"
)
_MARKS = ", ".join("?" * (_COLUMNS.count(",") + 1))


def open_keys(
    state: Path,
    *,
    grace: timedelta = GRACE,
    tell: Callable[[KeyChange], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> KeyStore:
    """The embedded default: a SQLite file and the pepper, in the state folder.

    Raises:
        StoreError: the folder or the database cannot be used.
    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{state}: {error.strerror or 'cannot be made'}") from None
    pepper = read_pepper(state / "keys.pepper")
    table = SqliteKeyTable(state / "keys.sqlite")
    return KeyStore(table, pepper, grace=grace, tell=tell, progress=progress)


class SqliteKeyTable:
    """The table in one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        """One connection, used by the event loop and by the thread that follows."""
        try:
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(
                path, timeout=5.0, isolation_level=None, check_same_thread=False
            )
            self._inode = path.stat().st_ino
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path}: {error}") from None
        try:
            self._prepare()
        except (StoreError, sqlite3.Error) as error:
            self._connection.close()
            raise error if isinstance(error, StoreError) else StoreError(f"{path}: {error}") from None

    def _prepare(self) -> None:
        run = self._connection.execute
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = FULL")  # a revocation that was acknowledged survives a power cut
        run("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL) STRICT")
        run("BEGIN IMMEDIATE")  # of several starting processes one migrates, the others find it done
        try:
            row = run("SELECT max(version) FROM schema_version").fetchone()
            version: int = row[0] or 0
            if version > len(MIGRATIONS):
                raise StoreError(f"{self._path}: written by a newer release: upgrade this one")  # noqa: TRY301
            for number, migration in enumerate(MIGRATIONS[version:], version + 1):
                for statement in filter(str.strip, migration.split(";")):
                    run(statement)
                run("INSERT INTO schema_version VALUES (?)", (number,))
        except BaseException:
            run("ROLLBACK")
            raise
        run("COMMIT")

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._path.stat().st_ino != self._inode:
                    raise StoreError(f"{self._path}: was replaced: restart")
                yield self._connection
            except (OSError, sqlite3.Error) as error:
                raise StoreError(f"{self._path}: {error}") from None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def add(self, record: KeyRecord, before_commit: Callable[[], None]) -> None:
        """Insert; `LifeError` when the id is taken."""
        with self._writing() as connection:
            if connection.execute("SELECT 1 FROM keys WHERE id = ?", (record.id,)).fetchone():
                raise LifeError(f"key `{record.id}` exists")
            _write(connection, record)
            before_commit()

    def change(
        self, key_id: str, change: Change, before_commit: Callable[[KeyRecord], None]
    ) -> KeyRecord | None:
        """Read, change and write in one transaction."""
        with self._writing() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM keys WHERE id = ?",  # noqa: S608 - a constant
                (key_id,),
            ).fetchone()
            if row is None:
                return None
            record = change(_record(row))
            _write(connection, record)
            before_commit(record)
            return record

    def read(self, key_id: str) -> KeyRecord | None:
        """One record, as it stands now."""
        with self._reading() as connection:
            row = connection.execute(
                f"SELECT {_COLUMNS} FROM keys WHERE id = ?",  # noqa: S608 - a constant
                (key_id,),
            ).fetchone()
            return None if row is None else _record(row)

    def version(self) -> object:
        """SQLite's own mark of commits by other connections."""
        with self._reading() as connection:
            return connection.execute("PRAGMA data_version").fetchone()[0]

    def since(self, cursor: int) -> tuple[Iterator[KeyRecord], Callable[[], int]]:
        """Records changed after `cursor`."""
        seen = cursor

        def records() -> Iterator[KeyRecord]:
            nonlocal seen
            with self._reading() as connection:
                rows = connection.execute(
                    f"SELECT {_COLUMNS}, changed FROM keys WHERE changed > ?",  # noqa: S608 - a constant
                    (cursor,),
                )
                for row in rows:
                    seen = max(seen, row[-1])
                    yield _record(row)

        return records(), lambda: seen

    def note_use(self, used: Mapping[str, datetime]) -> None:
        """Keep the latest use of each key, whoever noted it."""
        with self._writing() as connection:
            connection.executemany(
                "INSERT INTO last_use VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET at = max(at, excluded.at)",
                [(key_id, _number(at)) for key_id, at in used.items()],
            )

    def last_use(self, key_ids: Sequence[str] | None = None) -> Mapping[str, datetime]:
        """The latest use by id."""
        with self._reading() as connection:
            if key_ids is None:
                rows = connection.execute("SELECT id, at FROM last_use").fetchall()
            else:
                marks = ", ".join("?" * len(key_ids))
                rows = connection.execute(
                    f"SELECT id, at FROM last_use WHERE id IN ({marks})",  # noqa: S608 - marks only
                    tuple(key_ids),
                ).fetchall()
        return {key_id: _instant(at) for key_id, at in rows}

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()


def _write(connection: sqlite3.Connection, record: KeyRecord) -> None:
    # The write lock is held: no other change can take the same number.
    number: int = connection.execute("SELECT coalesce(max(changed), 0) + 1 FROM keys").fetchone()[0]
    connection.execute(
        f"INSERT OR REPLACE INTO keys ({_COLUMNS}, changed) VALUES ({_MARKS}, ?)",  # noqa: S608 - constants
        (
            record.id,
            record.env,
            record.agent,
            record.model,
            record.version,
            record.deployment,
            record.user,
            record.persona,
            record.digest,
            record.previous,
            _number(record.previous_until),
            _number(record.expires),
            int(record.suspended),
            _number(record.revoked),
            json.dumps([str(network) for network in record.networks]),
            record.workload,
            record.issued_by,
            _number(record.issued_at),
            number,
        ),
    )


def _record(row: Sequence[Any]) -> KeyRecord:
    return KeyRecord(
        id=row[0],
        env=intern(row[1]),
        agent=intern(row[2]),  # a million keys of a few agents need their names once
        model=row[3] and intern(row[3]),
        version=row[4] and intern(row[4]),
        deployment=row[5] and intern(row[5]),
        user=intern(row[6]),
        persona=intern(row[7]),
        digest=row[8],
        previous=row[9],
        previous_until=None if row[10] is None else _instant(row[10]),
        expires=_instant(row[11]),
        suspended=bool(row[12]),
        revoked=None if row[13] is None else _instant(row[13]),
        networks=() if row[14] == "[]" else tuple(ip_network(one) for one in json.loads(row[14])),
        workload=row[15],
        issued_by=intern(row[16]),
        issued_at=_instant(row[17]),
    )


def _number(at: datetime | None) -> int | None:
    """Milliseconds since 1970; whole seconds and the rest apart, as a float would round."""
    if at is None:
        return None
    whole = at.astimezone(UTC)
    return int(whole.replace(microsecond=0).timestamp()) * 1000 + whole.microsecond // 1000


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
