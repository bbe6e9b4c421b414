"""What is particular to SQLite: its file, its versions, and what a damaged or foreign one leads to."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import UNKNOWN_SOURCE
from authz.identity.key import parse_key
from authz.stores.keys import StoreError, Terms
from authz.stores.keys_sqlite import MIGRATIONS, open_keys

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
TERMS = Terms(agent="a", user="u", persona="p", ttl=timedelta(days=1))


def test_the_database_holds_neither_secret_nor_pepper(tmp_path: Path) -> None:
    """A stolen database opens nothing."""
    store = open_keys(tmp_path / "state")
    _, text = store.issue(TERMS, AT)
    store.close()

    pepper = (tmp_path / "state" / "keys.pepper").read_bytes()
    for path in (tmp_path / "state").iterdir():
        content = path.read_bytes()
        assert text[22:65].encode() not in content
        assert path.name == "keys.pepper" or pepper not in content
        assert path.stat().st_mode & 0o077 == 0
    assert (tmp_path / "state").stat().st_mode & 0o077 == 0


def test_keys_are_there_after_a_restart(tmp_path: Path) -> None:
    """The pepper is kept, so that a key goes on."""
    store = open_keys(tmp_path)
    record, text = store.issue(TERMS, AT)
    store.close()

    again = open_keys(tmp_path)
    assert again.ring().resolve(parse_key(text), AT, UNKNOWN_SOURCE).key == record.id
    again.close()


def test_another_pepper_makes_every_key_unknown(tmp_path: Path) -> None:
    """The hash is keyed: the database alone proves nothing."""
    store = open_keys(tmp_path)
    _, text = store.issue(TERMS, AT)
    store.close()
    (tmp_path / "keys.pepper").write_bytes(bytes(32))

    again = open_keys(tmp_path)
    with pytest.raises(Refusal) as caught:
        again.ring().resolve(parse_key(text), AT, UNKNOWN_SOURCE)
    assert caught.value.objection.reason is Reason.CREDENTIAL_UNKNOWN
    again.close()


def test_the_schema_says_its_version(tmp_path: Path) -> None:
    """A later release brings it forward; this one does it once."""
    for _ in range(2):
        open_keys(tmp_path).close()

    with sqlite3.connect(tmp_path / "keys.sqlite") as connection:
        rows = connection.execute("SELECT version FROM schema_version").fetchall()
    connection.close()
    assert rows == [(number,) for number in range(1, len(MIGRATIONS) + 1)]


def test_a_database_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    """What it means is not known here: reading it wrong could let a revoked key in."""
    open_keys(tmp_path).close()
    with sqlite3.connect(tmp_path / "keys.sqlite") as connection:
        connection.execute("INSERT INTO schema_version VALUES (999)")
    connection.close()

    with pytest.raises(StoreError):
        open_keys(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    """It may be the operator's own: it is named and left alone."""
    (tmp_path / "keys.sqlite").write_text("not a database, but long enough to look at" * 100)

    with pytest.raises(StoreError):
        open_keys(tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    """One line for the operator, not a traceback."""
    (tmp_path / "state").write_text("a file")

    with pytest.raises(StoreError):
        open_keys(tmp_path / "state")


def test_a_database_that_was_taken_away_is_a_store_that_is_down(tmp_path: Path) -> None:
    """An open file lives on unseen: changes made in the new one would never arrive."""
    store = open_keys(tmp_path)
    store.issue(TERMS, AT)
    (tmp_path / "keys.sqlite").rename(tmp_path / "moved")

    assert not store.refresh(AT)
    assert store.ring().adrift

    (tmp_path / "keys.sqlite").write_bytes(b"")
    assert not store.refresh(AT)
    store.close()


def test_progress_is_told_while_many_keys_are_read(tmp_path: Path) -> None:
    """A start with a million keys must not look like a hang."""
    store = open_keys(tmp_path)
    store.issue(TERMS, AT)
    store.close()
    rows = sqlite3.connect(tmp_path / "keys.sqlite")
    rows.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000) "
        "INSERT INTO keys SELECT printf('%012d', n.i), env, agent, model, version, deployment, user, persona,"
        " digest, previous, previous_until, expires, suspended, revoked, networks, workload, issued_by,"
        " issued_at, n.i + 1 FROM n, keys"
    )
    rows.commit()
    rows.close()
    told: list[int] = []

    again = open_keys(tmp_path, progress=told.append)
    assert told == [50_000]
    assert len(again.ring()) == 50_001
    again.close()
