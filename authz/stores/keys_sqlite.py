"""Agent Access Keys in SQLite: WAL, safe under several processes, durable at commit.

Knows SQL and nothing of what a key means. Every row carries the number of the change that wrote it last, so
that another process reads just what is new to it.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from authz.identity.record import KeyRecord, LifeError
from authz.stores.key_rows import COLUMNS, instant_of, number_of, record_of, row_of
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

_MARKS = ", ".join("?" * (COLUMNS.count(",") + 1))


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
        self._closed = threading.Event()
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
                f"SELECT {COLUMNS} FROM keys WHERE id = ?",  # noqa: S608 - a constant
                (key_id,),
            ).fetchone()
            if row is None:
                return None
            record = change(record_of(row))
            _write(connection, record)
            before_commit(record)
            return record

    def read(self, key_id: str) -> KeyRecord | None:
        """One record, as it stands now."""
        with self._reading() as connection:
            row = connection.execute(
                f"SELECT {COLUMNS} FROM keys WHERE id = ?",  # noqa: S608 - a constant
                (key_id,),
            ).fetchone()
            return None if row is None else record_of(row)

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
                # All rows are read in the order of the table; by the index each would be looked up.
                where, given = ("WHERE changed > ?", (cursor,)) if cursor else ("", ())
                rows = connection.execute(
                    f"SELECT {COLUMNS}, changed FROM keys {where}",  # noqa: S608 - constants
                    given,
                )
                for row in rows:
                    seen = max(seen, row[-1])
                    yield record_of(row)

        return records(), lambda: seen

    def note_use(self, used: Mapping[str, datetime]) -> None:
        """Keep the latest use of each key, whoever noted it."""
        with self._writing() as connection:
            connection.executemany(
                "INSERT INTO last_use VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET at = max(at, excluded.at)",
                [(key_id, number_of(at)) for key_id, at in used.items()],
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
        return {key_id: instant_of(at) for key_id, at in rows}

    def wait(self, seconds: float) -> None:
        """That long: SQLite announces nothing."""
        self._closed.wait(seconds)

    def close(self) -> None:
        """Let go of the file."""
        self._closed.set()
        with self._lock:
            self._connection.close()


def _write(connection: sqlite3.Connection, record: KeyRecord) -> None:
    # The write lock is held: no other change can take the same number.
    number: int = connection.execute("SELECT coalesce(max(changed), 0) + 1 FROM keys").fetchone()[0]
    connection.execute(
        f"INSERT OR REPLACE INTO keys ({COLUMNS}, changed) VALUES ({_MARKS}, ?)",  # noqa: S608 - constants
        (*row_of(record), number),
    )
