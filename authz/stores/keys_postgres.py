"""Agent Access Keys in PostgreSQL: many machines, one truth; a change is announced with NOTIFY.

Knows SQL and nothing of what a key means. One row counts the changes: whoever changes a key holds its lock
until commit, so that numbers become visible in their order and no reader can step over one. The driver is an
extra (`psycopg[binary,pool]`): it is imported when the first table is opened.
"""

import importlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from authz.identity.record import KeyRecord, LifeError
from authz.stores.key_rows import COLUMNS, number_of, record_of, row_of
from authz.stores.keys import GRACE, Change, KeyChange, KeyStore, StoreError, read_pepper

CHANNEL = "persona_keys"
PATIENCE = 3
"""Seconds for a connection or a statement, before the store counts as out of reach."""
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE persona_keys (
        id text PRIMARY KEY, env text NOT NULL,
        agent text NOT NULL, model text, version text, deployment text,
        user_id text NOT NULL, persona text NOT NULL,
        digest bytea NOT NULL, previous bytea, previous_until bigint,
        expires bigint NOT NULL, suspended integer NOT NULL, revoked bigint,
        networks text NOT NULL, workload text,
        issued_by text NOT NULL, issued_at bigint NOT NULL,
        changed bigint NOT NULL
    );
    CREATE INDEX persona_keys_changed ON persona_keys (changed);
    CREATE TABLE persona_key_use (id text PRIMARY KEY, at bigint NOT NULL);
    CREATE TABLE persona_key_changes (number bigint NOT NULL);
    INSERT INTO persona_key_changes VALUES (0);
    """,
)
"""Append-only: number n brings a database of version n to n + 1."""
_MIGRATING = 7_246_001
"""Advisory lock: of several starting processes one migrates, the others find it done."""
_NAMES = COLUMNS.replace(" user,", " user_id,")
_MARKS = ", ".join(["%s"] * (COLUMNS.count(",") + 2))
_SETS = ", ".join(f"{name} = excluded.{name}" for name in f"{_NAMES}, changed".split(", ")[1:])
_INSERT = (
    f"INSERT INTO persona_keys ({_NAMES}, changed) VALUES ({_MARKS}) "  # noqa: S608 - constants
    f"ON CONFLICT (id) DO UPDATE SET {_SETS}"
)
_ONE = f"SELECT {_NAMES} FROM persona_keys WHERE id = %s"  # noqa: S608 - constants
_SINCE = f"SELECT {_NAMES}, changed FROM persona_keys WHERE changed > %s"  # noqa: S608 - constants


def open_postgres_keys(
    dsn: str,
    pepper: Path,
    *,
    grace: timedelta = GRACE,
    tell: Callable[[KeyChange], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> KeyStore:
    """Keys that several machines share. All need the same pepper file; it never enters the database.

    Raises:
        StoreError: the driver, the pepper or the database cannot be used.
    """
    secret = read_pepper(pepper)
    return KeyStore(PostgresKeyTable(dsn), secret, grace=grace, tell=tell, progress=progress)


class PostgresKeyTable:
    """The tables in one database."""

    def __init__(self, dsn: str) -> None:
        try:
            self._driver: Any = importlib.import_module("psycopg")
            pools: Any = importlib.import_module("psycopg_pool")
        except ImportError:
            raise StoreError("PostgreSQL needs its driver: pip install 'psycopg[binary,pool]'") from None
        self._dsn = dsn
        self._stop = threading.Event()
        self._listening: Any = None
        self._ear = threading.Lock()
        """One connection hears, whoever waits."""
        self._options = {
            "connect_timeout": PATIENCE,
            "options": f"-c statement_timeout={PATIENCE}s -c lock_timeout={PATIENCE}s",
            "tcp_user_timeout": PATIENCE * 1000,
        }
        try:
            # Once by hand: a pool would try for ever where the address or the password is wrong.
            with self._driver.connect(dsn, **self._options) as connection:
                self._prepare(connection)
            self._pool = pools.ConnectionPool(
                dsn,
                kwargs=self._options,
                min_size=1,
                max_size=4,
                timeout=PATIENCE,
                check=pools.ConnectionPool.check_connection,
                open=True,
            )
        except self._driver.Error as error:
            raise StoreError(f"PostgreSQL: {_line(error)}") from None

    def _prepare(self, connection: Any) -> None:  # noqa: ANN401 - the driver is an extra
        run = connection.execute
        run("SELECT pg_advisory_xact_lock(%s)", (_MIGRATING,))
        run("CREATE TABLE IF NOT EXISTS persona_schema (version integer NOT NULL)")
        version: int = run("SELECT coalesce(max(version), 0) FROM persona_schema").fetchone()[0]
        if version > len(MIGRATIONS):
            raise StoreError("PostgreSQL: the tables were written by a newer release: upgrade this one")
        for number, migration in enumerate(MIGRATIONS[version:], version + 1):
            for statement in filter(str.strip, migration.split(";")):
                run(statement)
            run("INSERT INTO persona_schema VALUES (%s)", (number,))

    @contextmanager
    def _using(self) -> Iterator[Any]:
        """A connection of the pool, in a transaction that ends with the block."""
        try:
            with self._pool.connection() as connection:
                yield connection
        except (self._driver.Error, OSError) as error:
            raise StoreError(f"PostgreSQL: {_line(error)}") from None

    def add(self, record: KeyRecord, before_commit: Callable[[], None]) -> None:
        """Insert; `LifeError` when the id is taken."""
        with self._using() as connection:
            number = _next_number(connection)
            if connection.execute(_ONE, (record.id,)).fetchone():
                raise LifeError(f"key `{record.id}` exists")
            connection.execute(_INSERT, (*row_of(record), number))
            before_commit()
            connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, record.id))

    def change(
        self, key_id: str, change: Change, before_commit: Callable[[KeyRecord], None]
    ) -> KeyRecord | None:
        """Read, change and write in one transaction."""
        with self._using() as connection:
            number = _next_number(connection)
            row = connection.execute(_ONE, (key_id,)).fetchone()
            if row is None:
                return None
            record = change(record_of(row))
            connection.execute(_INSERT, (*row_of(record), number))
            before_commit(record)
            connection.execute("SELECT pg_notify(%s, %s)", (CHANNEL, key_id))
            return record

    def read(self, key_id: str) -> KeyRecord | None:
        """One record, as it stands now."""
        with self._using() as connection:
            row = connection.execute(_ONE, (key_id,)).fetchone()
            return None if row is None else record_of(row)

    def version(self) -> object:
        """The number of the last change; that it is told proves that the store lives."""
        with self._using() as connection:
            return connection.execute("SELECT number FROM persona_key_changes").fetchone()[0]

    def since(self, cursor: int) -> tuple[Iterator[KeyRecord], Callable[[], int]]:
        """Records changed after `cursor`."""
        seen = cursor

        def records() -> Iterator[KeyRecord]:
            nonlocal seen
            with self._using() as connection:
                # A million rows may take longer than one statement of the request path's neighbours.
                connection.execute("SET LOCAL statement_timeout = 0")
                with connection.cursor(name="persona_keys_since") as rows:
                    rows.itersize = 10_000
                    rows.execute(_SINCE, (cursor,))
                    for row in rows:
                        seen = max(seen, row[-1])
                        yield record_of(row)

        return records(), lambda: seen

    def note_use(self, used: Mapping[str, datetime]) -> None:
        """Keep the latest use of each key, whoever noted it."""
        # In one order: two workers that note the same keys must not wait for each other in a circle.
        rows = [(key_id, number_of(at)) for key_id, at in sorted(used.items())]
        with self._using() as connection, connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO persona_key_use VALUES (%s, %s) "
                "ON CONFLICT (id) DO UPDATE SET at = greatest(persona_key_use.at, excluded.at)",
                rows,
            )

    def last_use(self, key_ids: Sequence[str] | None = None) -> Mapping[str, datetime]:
        """The latest use by id."""
        with self._using() as connection:
            if key_ids is None:
                rows = connection.execute("SELECT id, at FROM persona_key_use").fetchall()
            else:
                rows = connection.execute(
                    "SELECT id, at FROM persona_key_use WHERE id = ANY(%s)", (list(key_ids),)
                ).fetchall()
        return {key_id: datetime.fromtimestamp(at / 1000, UTC) for key_id, at in rows}

    def wait(self, seconds: float) -> None:
        """Until a change is announced, or that long. Where nothing can be heard, the time passes."""
        try:
            listening = self._hearing()
            if listening is None:
                return
            for _ in listening.notifies(timeout=seconds, stop_after=1):
                return
        except (self._driver.Error, OSError):
            self._deaf()
            self._stop.wait(seconds)

    def _hearing(self) -> Any:  # noqa: ANN401 - the driver is an extra
        with self._ear:
            if self._listening is None and not self._stop.is_set():
                self._listening = self._driver.connect(self._dsn, autocommit=True, **self._options)
                self._listening.execute(f"LISTEN {CHANNEL}")
            return self._listening

    def _deaf(self) -> None:
        with self._ear:
            if self._listening is not None:
                self._listening.close()
                self._listening = None

    def close(self) -> None:
        """Let go of the database."""
        self._stop.set()
        self._deaf()
        self._pool.close()


def _next_number(connection: Any) -> int:  # noqa: ANN401 - the driver is an extra
    """The number of this change; its row stays locked until the commit."""
    row = connection.execute("UPDATE persona_key_changes SET number = number + 1 RETURNING number").fetchone()
    number: int = row[0]
    return number


def _line(error: Exception) -> str:
    """The first line of what the driver says: never the address with its password."""
    return (str(error).splitlines() or [type(error).__name__])[0]
