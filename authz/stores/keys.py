"""The store of Agent Access Keys: the port to a table, and what is the same over every table.

The request path never comes here: it reads `KeyStore.ring()`, an immutable snapshot in memory. Secrets are
drawn here, handed out once and kept only as keyed hashes; the pepper lies in a file of its own, outside the
database. This module reads no clock (`at` is an argument) and knows no database driver.
"""

import asyncio
import gc
import os
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeAlias

from authz.identity.key import SECRET_BYTES, fingerprint, new_id, new_key, valid_env
from authz.identity.record import (
    KeyRecord,
    LifeError,
    Network,
    checked,
    resumed,
    revoked,
    rotated,
    suspended,
)
from authz.identity.ring import KeyRing

GRACE = timedelta(minutes=5)
"""How long known keys go on when the store cannot be reached, unless set otherwise."""
INTERVAL = 0.2
"""Seconds between two looks for changes made elsewhere."""
OVERLAP = timedelta(days=1)
"""How long the secret before a rotation lives on, unless set otherwise."""

Change: TypeAlias = Callable[[KeyRecord], KeyRecord]


class StoreError(Exception):
    """The store cannot be used: one line for the operator."""


class KeyTable(Protocol):
    """What a database must do. A change is durable when the call returns, and seen by `since` everywhere."""

    def add(self, record: KeyRecord, before_commit: Callable[[], None]) -> None:
        """Insert; `LifeError` when the id is taken. What `before_commit` raises undoes it."""
        ...

    def change(
        self, key_id: str, change: Change, before_commit: Callable[[KeyRecord], None]
    ) -> KeyRecord | None:
        """Read, change and write in one transaction; None when there is no such key."""
        ...

    def read(self, key_id: str) -> KeyRecord | None:
        """One record, as it stands now."""
        ...

    def version(self) -> object:
        """A cheap mark that differs after a change by anyone; equal marks mean nothing changed."""
        ...

    def since(self, cursor: int) -> tuple[Iterator[KeyRecord], Callable[[], int]]:
        """Records changed after `cursor` (0: all), and how to tell the next cursor when they are read."""
        ...

    def note_use(self, used: Mapping[str, datetime]) -> None:
        """Keep the latest use of each key."""
        ...

    def last_use(self, key_ids: Sequence[str] | None = None) -> Mapping[str, datetime]:
        """The latest use, by id, as far as it was noted; None asks for all."""
        ...

    def wait(self, seconds: float) -> None:
        """Block until a change may have been made, at most that long."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """A step in the life of a key, for the trail."""

    what: str
    """`key.issued`, `.rotated`, `.revoked`, `.suspended`, `.resumed` or `.updated`."""
    at: datetime
    by: str
    """Who asked for it; empty when unknown."""
    record: KeyRecord
    """The key as it is after the step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFacts:
    """What may change about an agent under one key; None leaves a part as it is."""

    model: str | None = None
    version: str | None = None
    deployment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a person asks of a new key."""

    agent: str
    user: str
    persona: str
    ttl: timedelta
    env: str = "prod"
    model: str | None = None
    version: str | None = None
    deployment: str | None = None
    networks: tuple[Network, ...] = ()
    workload: str | None = None
    issued_by: str = ""


class KeyStore:
    """Keys over one table."""

    def __init__(
        self,
        table: KeyTable,
        pepper: bytes,
        *,
        grace: timedelta = GRACE,
        tell: Callable[[KeyChange], None] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._table = table
        self._pepper = pepper
        self._grace = grace
        self._tell = tell
        """Told of every change before it is committed; when it raises, the change is undone."""
        self._used: dict[str, datetime] = {}
        self._guard = threading.Lock()
        """Held from a look at the table to the ring that it leads to: threads must not undo each other."""
        self._version = table.version()
        records, cursor = table.since(0)
        with _unscanned():
            self._ring = KeyRing.of(_counted(records, progress), pepper)
        self._cursor = cursor()

    def ring(self) -> KeyRing:
        """The present snapshot."""
        return self._ring

    def issue(self, terms: Terms, at: datetime) -> tuple[KeyRecord, str]:
        """A new key: its record, and its text, which is nowhere else."""
        if not valid_env(terms.env):
            raise LifeError("env must be 1 to 16 lower-case letters and digits, a letter first")
        key_id = new_id(secrets.token_bytes(16))
        text = new_key(terms.env, key_id, secrets.token_bytes(SECRET_BYTES))
        record = checked(
            KeyRecord(
                id=key_id,
                env=terms.env,
                agent=terms.agent,
                model=terms.model,
                version=terms.version,
                deployment=terms.deployment,
                user=terms.user,
                persona=terms.persona,
                digest=fingerprint(self._pepper, text),
                expires=whole(_later(at, terms.ttl)),
                networks=terms.networks,
                workload=terms.workload,
                issued_by=terms.issued_by,
                issued_at=whole(at),
            )
        )
        with self._guard:
            self._table.add(record, lambda: self._say("key.issued", record, at, terms.issued_by))
            self._ring = self._ring.changed((record,))
        return record, text

    def rotate(
        self,
        key_id: str,
        at: datetime,
        *,
        overlap: timedelta = OVERLAP,
        ttl: timedelta | None = None,
        by: str = "",
    ) -> tuple[KeyRecord, str]:
        """A new secret under the same id; the present one lives on for `overlap`."""
        expires = None if ttl is None else whole(_later(at, ttl))
        text = new_key(self.show(key_id).env, key_id, secrets.token_bytes(SECRET_BYTES))
        digest = fingerprint(self._pepper, text)

        def change(record: KeyRecord) -> KeyRecord:
            return rotated(record, digest, whole(at), overlap=overlap, expires=expires)

        return self._change(key_id, change, "key.rotated", at, by), text

    def revoke(self, key_id: str, at: datetime, *, by: str = "") -> KeyRecord:
        """End all secrets of the id, for good."""
        return self._change(key_id, lambda record: revoked(record, whole(at)), "key.revoked", at, by)

    def suspend(self, key_id: str, at: datetime, *, by: str = "") -> KeyRecord:
        """Out of force until resumed."""
        return self._change(key_id, suspended, "key.suspended", at, by)

    def resume(self, key_id: str, at: datetime, *, by: str = "") -> KeyRecord:
        """In force again."""
        return self._change(key_id, resumed, "key.resumed", at, by)

    def update(
        self,
        key_id: str,
        at: datetime,
        *,
        facts: AgentFacts,
        by: str = "",
    ) -> KeyRecord:
        """Say what the agent is now. Whom it acts for, and as what, needs a new key."""
        if facts == AgentFacts():
            raise LifeError("nothing to update: give a model, an agent version or a deployment")

        def change(record: KeyRecord) -> KeyRecord:
            if record.revoked is not None:
                raise LifeError(f"key `{key_id}` is revoked and cannot be updated: issue a new one")
            return checked(
                replace(
                    record,
                    model=facts.model or record.model,
                    version=facts.version or record.version,
                    deployment=facts.deployment or record.deployment,
                )
            )

        return self._change(key_id, change, "key.updated", at, by)

    def show(self, key_id: str) -> KeyRecord:
        """One record, as the table has it now."""
        record = self._table.read(key_id)
        if record is None:
            raise LifeError(f"there is no key `{key_id}`: `personas keys list` shows all")
        return record

    def list(self) -> list[KeyRecord]:
        """All records, oldest first."""
        records, _ = self._table.since(0)
        return sorted(records, key=lambda record: (record.issued_at, record.id))

    def used(self, key_id: str, at: datetime) -> None:
        """A call was made with the key; kept in memory until `flush`."""
        self._used[key_id] = at

    def flush(self) -> None:
        """Write down the last uses since the flush before, in one transaction."""
        noted, self._used = self._used, {}
        ring = self._ring  # callers by token have an id as well, and no row
        used = {key_id: at for key_id, at in dict(noted).items() if ring.get(key_id) is not None}
        if used:
            self._table.note_use(used)

    def last_use(self, key_ids: Sequence[str] | None = None) -> Mapping[str, datetime]:
        """Last use by key id, as written down by any process."""
        return self._table.last_use(key_ids)

    def refresh(self, at: datetime) -> bool:
        """Learn what others changed; False when the store cannot be reached, and the grace runs."""
        with self._guard:
            try:
                self._learn()
            except StoreError:
                # `until` is of when the store was last reached; before the first time, the grace begins now.
                self._ring = self._ring.believed(self._ring.until or at + self._grace, adrift=True)
                return False
            self._ring = self._ring.believed(at + self._grace)
            return True

    def _learn(self) -> None:
        # The mark first: what changes while rows are read is read again.
        version = self._table.version()
        if version == self._version:
            return
        records, cursor = self._table.since(self._cursor)
        changed = list(records)
        self._cursor = cursor()
        self._version = version
        if changed:
            self._ring = self._ring.changed(changed)

    async def follow(
        self, clock: Callable[[], datetime], *, interval: float = INTERVAL, flush_every: float = 30.0
    ) -> None:
        """Keep the ring current until cancelled. The looks happen in a thread: a slow disk delays no call."""
        waited = 0.0
        while True:
            reached = await asyncio.to_thread(self.refresh, clock())
            waited += interval
            if reached and waited >= flush_every:
                waited = 0.0
                await asyncio.to_thread(self._flush_or_keep)
            await asyncio.to_thread(self._table.wait, interval)

    def close(self) -> None:
        """Write down the last uses and let go of the table."""
        self._flush_or_keep()
        self._table.close()

    def _flush_or_keep(self) -> None:
        held = dict(self._used)
        try:
            self.flush()
        except StoreError:
            self._used = {**held, **self._used}

    def _change(self, key_id: str, change: Change, what: str, at: datetime, by: str) -> KeyRecord:
        with self._guard:
            record = self._table.change(key_id, change, lambda changed: self._say(what, changed, at, by))
            if record is None:
                raise LifeError(f"there is no key `{key_id}`: `personas keys list` shows all")
            self._ring = self._ring.changed((record,))
        return record

    def _say(self, what: str, record: KeyRecord, at: datetime, by: str) -> None:
        if self._tell is not None:
            self._tell(KeyChange(what=what, at=at, by=by, record=record))


def whole(at: datetime) -> datetime:
    """The instant to the millisecond: what every table can hold."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _later(at: datetime, ttl: timedelta) -> datetime:
    try:
        return at + ttl
    except OverflowError:
        raise LifeError("the time to live is too long") from None


@contextmanager
def _unscanned() -> Iterator[None]:
    """Build many lasting values without the collector looking through them again and again."""
    scanning = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if scanning:
            gc.enable()


def _counted(records: Iterable[KeyRecord], progress: Callable[[int], None] | None) -> Iterator[KeyRecord]:
    for count, record in enumerate(records, 1):
        if progress is not None and count % 50_000 == 0:
            progress(count)
        yield record


def read_pepper(path: Path) -> bytes:
    """The pepper, made at first use: 32 random bytes in a file that only its owner can read.

    Raises:
        StoreError: others could read or write it, or it is damaged.
    """
    try:
        if not path.exists():
            _make_pepper(path)
        mode = path.stat().st_mode
        pepper = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or 'cannot be read'}") from None
    if mode & 0o077:
        raise StoreError(f"{path}: others may read or write the pepper: chmod 600 it, and rotate all keys")
    if len(pepper) != SECRET_BYTES:
        raise StoreError(f"{path}: the pepper is damaged: restore it, or issue all keys anew")
    return pepper


def _make_pepper(path: Path) -> None:
    """Racing processes end up with one pepper: a link, unlike a rename, never replaces."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secrets.token_bytes(SECRET_BYTES))
        os.fsync(handle)
    finally:
        os.close(handle)
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
