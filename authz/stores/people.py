"""What SCIM clients and Shared Signals said of people: one SQLite file, followed by every worker.

Knows SQL and no HTTP. A change is durable when the call returns, and is told before it is committed.
"""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TypeAlias

from authz.identity.people import People, Provisioned, Source
from authz.identity.scim import ScimError, ScimGroup, ScimUser
from authz.identity.signals import Effect, Signal
from authz.stores.keys import StoreError

Told: TypeAlias = Callable[[str, Mapping[str, object]], None]
"""What happened (`scim.user`, `signal.received`), and its facts."""
PEOPLE = "people.sqlite"
"""Its name in the state folder."""
INTERVAL = 0.2
REMEMBER = 30 * 86_400
"""Seconds for which ids of SETs are remembered: a transmitter sends again for days, not for months."""
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS resources (
        source TEXT, kind TEXT, id TEXT, name TEXT NOT NULL, body TEXT NOT NULL,
        PRIMARY KEY (source, kind, id)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX IF NOT EXISTS resource_names ON resources (source, kind, name);
    CREATE TABLE IF NOT EXISTS disabled (
        subject TEXT, issuer TEXT, at INTEGER NOT NULL, PRIMARY KEY (subject, issuer)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sources (
        name TEXT PRIMARY KEY, issuer TEXT NOT NULL, groups TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS ended (subject TEXT PRIMARY KEY, at REAL NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sets (
        issuer TEXT, jti TEXT, at INTEGER NOT NULL, PRIMARY KEY (issuer, jti)
    ) STRICT, WITHOUT ROWID
"""


class PeopleStore:
    """People as others keep them."""

    def __init__(self, path: Path, *, tell: Told = lambda _what, _facts: None) -> None:
        self._path = path
        self._tell = tell
        self._lock = threading.Lock()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
            self._connection = sqlite3.connect(
                path, timeout=5.0, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            for statement in _SCHEMA.split(";"):
                self._connection.execute(statement)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{path}: {error}") from None

    def users(self, source: str) -> dict[str, ScimUser]:
        """All users of a client, by id; deleted ones too."""
        found = (
            ScimUser(
                id=str(one["id"]),
                user_name=str(one["user_name"]),
                external_id=_maybe(one["external_id"]),
                active=one["active"] is True,
            )
            for one in self._bodies(source, "User")
        )
        return {one.id: one for one in found}

    def groups(self, source: str) -> dict[str, ScimGroup]:
        """All groups of a client, by id."""
        found = (
            ScimGroup(
                id=str(one["id"]),
                name=str(one["name"]),
                external_id=_maybe(one["external_id"]),
                members=frozenset(str(one["members"]).split()),
            )
            for one in self._bodies(source, "Group")
        )
        return {one.id: one for one in found}

    def put_user(self, source: str, user: ScimUser) -> None:
        """Add or replace a user.

        Raises:
            ScimError: another one has the name.
        """
        facts = {"source": source, "id": user.id, "user": user.user_name, "active": user.active}
        with self._writing() as run:
            _put(run, source, ("User", user.id, user.user_name.lower()), asdict(user))
            self._tell("scim.user", facts)

    def put_group(self, source: str, group: ScimGroup) -> None:
        """Add or replace a group.

        Raises:
            ScimError: another one has the name.
        """
        facts = {"source": source, "id": group.id, "group": group.name, "members": len(group.members)}
        with self._writing() as run:
            members = " ".join(sorted(group.members))
            _put(run, source, ("Group", group.id, group.name), {**asdict(group), "members": members})
            self._tell("scim.group", facts)

    def drop_group(self, source: str, identity: str) -> bool:
        """Remove a group; False when there was none."""
        with self._writing() as run:
            gone = run(
                "DELETE FROM resources WHERE source = ? AND kind = 'Group' AND id = ?", (source, identity)
            )
            if gone.rowcount:
                self._tell("scim.group", {"source": source, "id": identity, "removed": True})
            return gone.rowcount > 0

    def take(self, issuer: str, identity: str, signals: Sequence[Signal], at: datetime) -> bool:
        """What a SET says; False when it came before: a replay changes nothing."""
        now = int(at.timestamp())
        with self._writing() as run:
            run("DELETE FROM sets WHERE at < ?", (now - REMEMBER,))
            if not run("INSERT OR IGNORE INTO sets VALUES (?, ?, ?)", (issuer, identity, now)).rowcount:
                return False
            for one in signals:
                _apply(run, one)
                facts = {"issuer": issuer, "set": identity, "event": one.event, "subject": one.subject}
                self._tell("signal.received", facts)
            return True

    def lift(self, subject: str, by: str) -> bool:
        """A person's word: what transmitters disabled is enabled again."""
        with self._writing() as run:
            lifted = run("DELETE FROM disabled WHERE subject = ?", (subject,)).rowcount > 0
            if lifted:
                self._tell("signal.lifted", {"subject": subject, "by": by})
            return lifted

    def declare(self, sources: Sequence[Source]) -> None:
        """These clients, and no others, keep people here: from now on all workers know."""
        rows = [(one.name, one.issuer, json.dumps(sorted(one.groups))) for one in sources]
        with self._writing() as run:
            run("DELETE FROM sources")
            for row in rows:
                run("INSERT INTO sources VALUES (?, ?, ?)", row)

    def people(self) -> People:
        """All that is known."""
        with self._reading() as run:
            rows = run("SELECT name, issuer, groups FROM sources").fetchall()
        provisioned = tuple(
            Provisioned(
                source=Source(name=name, issuer=issuer, groups=frozenset(json.loads(groups))),
                users=self.users(name),
                groups=self.groups(name),
            )
            for name, issuer, groups in rows
        )
        with self._reading() as run:
            disabled = frozenset(row[0] for row in run("SELECT DISTINCT subject FROM disabled"))
            ended = dict(run("SELECT subject, at FROM ended").fetchall())
        return People(provisioned=provisioned, disabled=disabled, ended=ended)

    def version(self) -> object:
        """A mark that differs after a change by anyone else."""
        with self._reading() as run:
            return run("PRAGMA data_version").fetchone()[0]

    async def follow(self, changed: Callable[[People], None], *, interval: float = INTERVAL) -> None:
        """Tell of every change made elsewhere, until cancelled. A store that is down changes nothing."""
        seen: object = None
        while True:
            try:
                version = await asyncio.to_thread(self.version)
                if version != seen:
                    changed(await asyncio.to_thread(self.people))
                    seen = version
            except StoreError:
                seen = None
            await asyncio.sleep(interval)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def _bodies(self, source: str, kind: str) -> list[dict[str, object]]:
        with self._reading() as run:
            rows = run("SELECT body FROM resources WHERE source = ? AND kind = ?", (source, kind)).fetchall()
        return [json.loads(row[0]) for row in rows]

    @contextmanager
    def _reading(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        with self._lock:
            try:
                yield self._connection.execute
            except sqlite3.Error as error:
                raise StoreError(f"{self._path}: {error}") from None

    @contextmanager
    def _writing(self) -> Iterator[Callable[..., sqlite3.Cursor]]:
        with self._reading() as run:
            run("BEGIN IMMEDIATE")
            try:
                yield run
            except BaseException:
                run("ROLLBACK")
                raise
            run("COMMIT")


def _put(
    run: Callable[..., sqlite3.Cursor], source: str, name: tuple[str, str, str], body: Mapping[str, object]
) -> None:
    try:
        run(
            "INSERT INTO resources VALUES (?, ?, ?, ?, ?) ON CONFLICT (source, kind, id) "
            "DO UPDATE SET name = excluded.name, body = excluded.body",
            (source, *name, json.dumps(body)),
        )
    except sqlite3.IntegrityError:
        raise ScimError("another one has this name", kind="uniqueness", status=409) from None


def _apply(run: Callable[..., sqlite3.Cursor], signal: Signal) -> None:
    if signal.effect is Effect.DISABLE:
        row = (signal.subject, signal.issuer, int(signal.at.timestamp()))
        run("INSERT OR REPLACE INTO disabled VALUES (?, ?, ?)", row)
    elif signal.effect is Effect.ENABLE:
        # Only what the same issuer disabled: another's word stands.
        run("DELETE FROM disabled WHERE subject = ? AND issuer = ?", (signal.subject, signal.issuer))
    elif signal.effect is Effect.END_SESSIONS:
        run(
            "INSERT INTO ended VALUES (?, ?) ON CONFLICT (subject) DO UPDATE SET at = max(at, excluded.at)",
            (signal.subject, signal.at.timestamp()),
        )


def _maybe(value: object) -> str | None:
    return None if value is None else str(value)
