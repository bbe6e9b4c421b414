"""Two workers under load, a revocation in a third process: the contract's second, and no wrong answer."""

import asyncio
import multiprocessing
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import Request
from authz.identity import identify
from authz.stores.keys import KeyStore, Terms
from authz.stores.keys_postgres import open_postgres_keys
from authz.stores.keys_sqlite import open_keys
from tests.stores.key_tables import Postgres, postgres_programs

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
TERMS = Terms(agent="a", user="u", persona="p", ttl=timedelta(days=1))
SPAWN = multiprocessing.get_context("spawn")


def opened(where: str, state: Path) -> KeyStore:
    """The store as each process opens it."""
    return open_keys(state) if where == "sqlite" else open_postgres_keys(where, state / "pepper")


def worker(  # noqa: PLR0913, PLR0917 - what a process is told
    where: str,
    state: Path,
    revoked: str,
    kept: str,
    ready: Event,
    over: Event,
    found: "multiprocessing.Queue[tuple[int, int, float, int]]",
) -> None:
    """Resolve both keys without a pause until told to stop; say what the answers were."""
    asyncio.run(_work(where, state, revoked, kept, ready, over, found))


async def _work(  # noqa: PLR0913, PLR0917 - what a process is told
    where: str,
    state: Path,
    revoked: str,
    kept: str,
    ready: Event,
    over: Event,
    found: "multiprocessing.Queue[tuple[int, int, float, int]]",
) -> None:
    store = opened(where, state)
    following = asyncio.create_task(store.follow(lambda: AT))
    ours, other = (Request(headers={"authorization": f"Bearer {text}"}) for text in (revoked, kept))
    allowed = wrong = refused = 0
    first = 0.0
    while not over.is_set():
        for _ in range(200):
            try:
                identify(ours, AT, store.ring())
                allowed += 1
                wrong += first > 0
            except Refusal as refusal:
                wrong += refusal.objection.reason is not Reason.CREDENTIAL_REVOKED
                refused += 1
                first = first or time.monotonic()
            identify(other, AT, store.ring())
        ready.set()
        await asyncio.sleep(0)
    following.cancel()
    found.put((allowed, refused, first, wrong))


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server for all tests here."""
    programs = postgres_programs()
    assert programs is not None
    server = Postgres(programs)
    yield server
    server.close()


@pytest.mark.parametrize("kind", ["sqlite", *(["postgres"] if postgres_programs() else [])])
def test_a_revocation_under_load_is_in_force_in_every_worker_within_a_second(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Once refused it is never allowed again, and no other key is touched."""
    where = kind if kind == "sqlite" else request.getfixturevalue("postgres").database()
    store = opened(where, tmp_path)
    record, revoked = store.issue(TERMS, AT)
    _, kept = store.issue(TERMS, AT)
    over = SPAWN.Event()
    ready = [SPAWN.Event(), SPAWN.Event()]
    found: multiprocessing.Queue[tuple[int, int, float, int]] = SPAWN.Queue()
    workers = [
        SPAWN.Process(target=worker, args=(where, tmp_path, revoked, kept, one, over, found)) for one in ready
    ]
    for process in workers:
        process.start()
    assert all(one.wait(20) for one in ready)

    store.revoke(record.id, AT)
    committed = time.monotonic()
    over.wait(1.5)
    over.set()
    answers = [found.get(timeout=20) for _ in workers]
    for process in workers:
        process.join()
    store.close()

    for allowed, refused, first, wrong in answers:
        assert allowed > 0
        assert refused > 0
        assert wrong == 0
        assert first - committed < 1.0
