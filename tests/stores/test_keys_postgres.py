"""What is particular to PostgreSQL: outage and recovery, announcements, versions of the tables."""

import asyncio
import importlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import UNKNOWN_SOURCE
from authz.identity.key import new_key, parse_key
from authz.stores.keys import KeyStore, StoreError, Terms
from authz.stores.keys_postgres import MIGRATIONS, PostgresKeyTable, open_postgres_keys
from tests.stores.key_tables import Postgres, postgres_needs, postgres_programs

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
TERMS = Terms(agent="a", user="u", persona="p", ttl=timedelta(days=1))
pytestmark = pytest.mark.system(*postgres_needs())
NOBODY = new_key("prod", "zzzzzzzzzzzz", bytes(32))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server for all tests here."""
    programs = postgres_programs()
    assert programs is not None
    server = Postgres(programs)
    yield server
    server.close()


def reason(store: KeyStore, text: str, at: datetime) -> Reason | None:
    """Why a key is refused; None when it is not."""
    try:
        store.ring().resolve(parse_key(text), at, UNKNOWN_SOURCE)
    except Refusal as refusal:
        return refusal.objection.reason
    return None


def test_an_outage_of_the_server_is_survived_for_the_grace_and_no_longer(
    postgres: Postgres, tmp_path: Path
) -> None:
    """Known keys go on, unknown ones never pass, and what changed meanwhile is learned when it is back."""
    address = postgres.database()
    store = open_postgres_keys(address, tmp_path / "pepper", grace=timedelta(minutes=5))
    record, text = store.issue(TERMS, AT)
    assert store.refresh(AT)
    postgres.kill()
    try:
        minute = timedelta(minutes=1)
        assert not store.refresh(AT + minute)
        assert store.ring().adrift
        assert reason(store, text, AT + 4 * minute) is None
        assert reason(store, NOBODY, AT + minute) is Reason.CREDENTIAL_UNKNOWN
        assert reason(store, text, AT + 5 * minute) is Reason.INTERNAL_STORE
        with pytest.raises(StoreError):
            store.revoke(record.id, AT)
        assert reason(store, text, AT + minute) is None
    finally:
        postgres.start()

    elsewhere = open_postgres_keys(address, tmp_path / "pepper")
    elsewhere.revoke(record.id, AT)
    deadline = time.monotonic() + 20
    while not store.refresh(AT + timedelta(hours=1)):
        assert time.monotonic() < deadline
    assert not store.ring().adrift
    assert reason(store, text, AT) is Reason.CREDENTIAL_REVOKED
    elsewhere.close()
    store.close()


async def test_a_change_is_heard_before_the_next_look(postgres: Postgres, tmp_path: Path) -> None:
    """NOTIFY wakes a worker: it need not look often to know soon."""
    address = postgres.database()
    issuer = open_postgres_keys(address, tmp_path / "pepper")
    worker = open_postgres_keys(address, tmp_path / "pepper")
    following = asyncio.create_task(worker.follow(lambda: AT, interval=10.0))
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(worker._table.wait, 0.5)  # noqa: SLF001 - that it listens is what must be waited for
    began = loop.time()
    _, text = await asyncio.to_thread(issuer.issue, TERMS, AT)
    while reason(worker, text, AT) is not None:
        assert loop.time() - began < 1.0
        await asyncio.sleep(0.01)
    following.cancel()
    issuer.close()
    worker.close()


def test_the_tables_of_a_newer_release_are_refused(postgres: Postgres) -> None:
    """What they mean is not known here."""
    address = postgres.database()
    PostgresKeyTable(address).close()
    PostgresKeyTable(address).close()
    driver: Any = importlib.import_module("psycopg")
    with driver.connect(address) as connection:
        versions = connection.execute("SELECT version FROM persona_schema").fetchall()
        connection.execute("INSERT INTO persona_schema VALUES (999)")

    assert versions == [(number,) for number in range(1, len(MIGRATIONS) + 1)]
    with pytest.raises(StoreError):
        PostgresKeyTable(address)


def test_a_server_that_is_not_there_is_told_in_a_line_without_the_password(tmp_path: Path) -> None:
    """At the start there is nothing to go on with: it must not hang, nor show what is secret."""
    with pytest.raises(StoreError) as caught:
        open_postgres_keys(f"host={tmp_path} password=hunter2", tmp_path / "pepper")

    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)
