"""What agents ask of people, and what people answered. SQLite in the state folder; arguments only encrypted.

A request keeps the arguments encrypted until it is settled, so that the person sees what is approved; then
they are gone. A grant covers that very call, or the tool for a while, so many times; it waives the rules that
asked and no other. Who may answer is not known here.
"""

import hashlib
import os
import secrets
import sqlite3
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from authz.behaviour import NOTHING, Ask
from authz.behaviour.values import canonical, micros
from authz.core.call import Call, Json
from authz.stores.keys import StoreError

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
WAITS: Final = timedelta(days=7)
"""How long a request waits for an answer."""
MOST_WAITING: Final = 100
"""Requests of one agent under one user and persona that wait at the same time; more are refused unasked."""
TABLES: Final = """
CREATE TABLE IF NOT EXISTS requests (
    id TEXT PRIMARY KEY, at INTEGER NOT NULL, agent TEXT NOT NULL, user TEXT NOT NULL, persona TEXT NOT NULL,
    rules TEXT NOT NULL, app TEXT NOT NULL, tool TEXT NOT NULL, exact TEXT NOT NULL, args BLOB,
    asked INTEGER NOT NULL, state TEXT NOT NULL, answered_by TEXT, reason TEXT, answered_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS requests_waiting ON requests (state, agent, user, persona, exact);
CREATE TABLE IF NOT EXISTS grants (
    id TEXT PRIMARY KEY, agent TEXT NOT NULL, user TEXT NOT NULL, persona TEXT NOT NULL, rules TEXT NOT NULL,
    app TEXT NOT NULL, tool TEXT NOT NULL, exact TEXT, until INTEGER NOT NULL, remaining INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS grants_of ON grants (agent, user, persona);
"""


class ApprovalError(StoreError):
    """What was asked cannot be done: one line for the person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an agent asked, as a person sees it."""

    id: str
    at: datetime
    agent: str
    user: str
    persona: str
    rules: tuple[str, ...]
    app: str
    tool: str
    args: Mapping[str, Json] | None
    """None once it is settled."""
    asked: int
    """How often the agent tried."""
    state: str
    """`waiting`, `granted` or `denied`."""
    answered_by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person answers."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a grant covers."""

    times: int = 1
    lives: timedelta = timedelta(hours=1)
    whole_tool: bool = False
    """The tool with any arguments, instead of that very call."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A grant that is being used by one call."""

    grant: str
    rules: Container[str]


NO_CLAIM: Final = Claim("", NOTHING)
"""No grant is being used."""


class Approvals:
    """Requests and grants of one state folder; any number of processes may have it open."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._key = key
        self._seal = AESGCM(key)
        path.touch(mode=0o600)
        self._database = sqlite3.connect(path, timeout=5.0, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.executescript(TABLES)

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def ask(self, ask: Ask) -> str:
        """Keep what an agent asks; its id, that of the first attempt when it asked the same before."""
        call, caller = ask.call, ask.call.caller
        exact, at = self._exact(call), micros(call.at)
        of = (caller.agent.id, caller.user, caller.persona)
        with self._transaction() as database:
            known = database.execute(
                "SELECT id FROM requests WHERE state = 'waiting' AND agent = ? AND user = ? AND persona = ?"
                " AND exact = ? AND at > ?",
                (*of, exact, at - micros_of(WAITS)),
            ).fetchone()
            if known is not None:
                database.execute("UPDATE requests SET asked = asked + 1 WHERE id = ?", known)
                return str(known[0])
            waiting = database.execute(
                "SELECT count(*) FROM requests WHERE state = 'waiting' AND agent = ? AND user = ?"
                " AND persona = ? AND at > ?",
                (*of, at - micros_of(WAITS)),
            ).fetchone()[0]
            if waiting < MOST_WAITING:
                args = self._hide(ask.decision, canonical(call.action.args))
                rules = orjson.dumps(ask.rules).decode()
                app, tool = call.action.app or "", call.action.name
                database.execute(
                    "INSERT OR IGNORE INTO requests VALUES (?,?,?,?,?,?,?,?,?,?,1,'waiting',NULL,NULL,NULL)",
                    (ask.decision, at, *of, rules, app, tool, exact, args),
                )
        return ask.decision

    def claim(self, call: Call) -> Claim | None:
        """Use a grant that covers `call`, if there is one; who does not use it after all gives it back."""
        caller = call.caller
        if not self._database.execute(
            "SELECT 1 FROM grants WHERE agent = ? AND user = ? AND persona = ? AND remaining > 0 LIMIT 1",
            (caller.agent.id, caller.user, caller.persona),
        ).fetchone():
            return None
        with self._transaction() as database:
            found = database.execute(
                "UPDATE grants SET remaining = remaining - 1 WHERE id = ("
                " SELECT id FROM grants WHERE agent = ? AND user = ? AND persona = ? AND app = ? AND tool = ?"
                " AND (exact IS NULL OR exact = ?) AND until > ? AND remaining > 0"
                " ORDER BY exact IS NULL, until LIMIT 1) RETURNING id, rules",
                (
                    *(caller.agent.id, caller.user, caller.persona),
                    *(call.action.app or "", call.action.name, self._exact(call), micros(call.at)),
                ),
            ).fetchone()
        return None if found is None else Claim(found[0], frozenset(orjson.loads(found[1])))

    def give_back(self, claim: Claim) -> None:
        """The call was not let through after all."""
        with self._transaction() as database:
            database.execute("UPDATE grants SET remaining = remaining + 1 WHERE id = ?", (claim.grant,))

    def requests(self, at: datetime, *, settled: bool = False) -> Iterator[Request]:
        """What waits for an answer, oldest first; with `settled`, everything."""
        which = "" if settled else "WHERE state = 'waiting' AND at > ?"
        values = () if settled else (micros(at) - micros_of(WAITS),)
        for row in self._database.execute(f"SELECT {COLUMNS} FROM requests {which} ORDER BY at", values):  # noqa: S608 - both are ours
            yield self._request(row)

    def request(self, identity: str) -> Request:
        """One request.

        Raises:
            ApprovalError: there is none.
        """
        row = self._database.execute(f"SELECT {COLUMNS} FROM requests WHERE id = ?", (identity,)).fetchone()  # noqa: S608 - ours
        if row is None:
            raise ApprovalError(f"`{identity}`: nothing with this id was asked")
        return self._request(row)

    def grant(self, identity: str, answer: Answer, terms: Terms) -> Request:
        """Say yes: the agent's retry then passes the rules that asked.

        Raises:
            ApprovalError: it waits no longer.
        """
        with self._transaction() as database:
            self._settle(database, identity, "granted", answer)
            database.execute(
                "INSERT INTO grants SELECT id, agent, user, persona, rules, app, tool,"
                " CASE WHEN ? THEN NULL ELSE exact END, ?, ? FROM requests WHERE id = ?",
                (terms.whole_tool, micros(answer.at) + micros_of(terms.lives), terms.times, identity),
            )
        return self.request(identity)

    def deny(self, identity: str, answer: Answer) -> Request:
        """Say no.

        Raises:
            ApprovalError: it waits no longer.
        """
        with self._transaction() as database:
            self._settle(database, identity, "denied", answer)
        return self.request(identity)

    def _settle(self, database: sqlite3.Connection, identity: str, state: str, answer: Answer) -> None:
        done = database.execute(
            "UPDATE requests SET state = ?, args = NULL, answered_by = ?, reason = ?, answered_at = ?"
            " WHERE id = ? AND state = 'waiting' AND at > ?",
            (
                *(state, answer.by, answer.reason, micros(answer.at), identity),
                micros(answer.at) - micros_of(WAITS),
            ),
        )
        if done.rowcount != 1:
            raise ApprovalError(f"`{identity}`: nothing with this id waits for an answer")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database:
                self._database.execute("BEGIN IMMEDIATE")
                yield self._database
        except sqlite3.Error as error:
            raise ApprovalError(f"approvals cannot be kept: {error}") from None

    def _exact(self, call: Call) -> str:
        action = call.action
        told = canonical([action.app, action.name]) + canonical(action.args)
        return hashlib.blake2b(told, key=self._key, digest_size=32, person=b"exact-call").hexdigest()

    def _hide(self, identity: str, text: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._seal.encrypt(nonce, text, identity.encode())

    def _shown(self, identity: str, hidden: bytes | None) -> Mapping[str, Json] | None:
        if hidden is None:
            return None
        try:
            text = self._seal.decrypt(hidden[:NONCE_BYTES], hidden[NONCE_BYTES:], identity.encode())
        except InvalidTag:
            raise ApprovalError(f"`{identity}`: its arguments were altered or the key was changed") from None
        args: Mapping[str, Json] = orjson.loads(text)
        return args

    def _request(
        self, row: tuple[str, int, str, str, str, str, str, str, bytes, int, str, str, str]
    ) -> Request:
        identity, at, agent, user, persona, rules, app, tool, args, asked, state, by, reason = row
        return Request(
            id=identity,
            at=datetime.fromtimestamp(at / 1e6, UTC),
            agent=agent,
            user=user,
            persona=persona,
            rules=tuple(orjson.loads(rules)),
            app=app,
            tool=tool,
            args=self._shown(identity, args),
            asked=asked,
            state=state,
            answered_by=by,
            reason=reason,
        )


COLUMNS: Final = "id, at, agent, user, persona, rules, app, tool, args, asked, state, answered_by, reason"


def micros_of(duration: timedelta) -> int:
    """A duration in microseconds."""
    return duration // timedelta(microseconds=1)


def open_approvals(state: Path) -> Approvals:
    """The approvals of this state folder, and the key of their arguments in a file of its own.

    Raises:
        ApprovalError: the folder or the database cannot be used.
    """
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Approvals(state / "approvals.sqlite", _key(state / "approvals.key"))
    except (OSError, sqlite3.Error) as error:
        raise ApprovalError(f"{state}: {error}") from None


def _key(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        key = path.read_bytes()
    else:
        key = secrets.token_bytes(KEY_BYTES)
        with os.fdopen(handle, "wb") as file:
            file.write(key)
    if len(key) != KEY_BYTES:
        raise ApprovalError(f"{path}: {KEY_BYTES} bytes expected; restore it from a backup")
    return key
