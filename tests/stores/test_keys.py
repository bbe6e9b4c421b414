"""One contract for every store of keys: life cycle, what others learn and when, what outlives a failure."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from authz.core.call import Agent, Caller
from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import UNKNOWN_SOURCE, Source
from authz.identity.key import new_key, parse_key
from authz.identity.record import KeyRecord, LifeError
from authz.identity.ring import KeyRing
from authz.stores.keys import AgentFacts, KeyChange, KeyStore, StoreError, Terms, read_pepper
from tests.stores.key_tables import Opener, Postgres, postgres_programs, sqlite

AT = datetime(2026, 7, 1, 12, 0, 0, 123000, tzinfo=UTC)
PEPPER = bytes(range(32))
TERMS = Terms(
    agent="summarizer",
    model="claude-x",
    version="1.4",
    deployment="prod-eu",
    user="alice@example.com",
    persona="support",
    ttl=timedelta(days=90),
    networks=(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")),
    workload="spiffe://example.org/ns/agents/sa/summarizer",
    issued_by="root",
)
NOBODY = new_key("prod", "zzzzzzzzzzzz", bytes(32))
PLAIN = replace(TERMS, networks=(), workload=None)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A server for all tests here."""
    programs = postgres_programs()
    assert programs is not None
    server = Postgres(programs)
    yield server
    server.close()


@pytest.fixture(params=["sqlite", *(["postgres"] if postgres_programs() else [])])
def opener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Opener]:
    """Every table there is."""
    tables = sqlite if request.param == "sqlite" else request.getfixturevalue("postgres").tables
    with tables(tmp_path) as opened:
        yield opened


@pytest.fixture
def store(opener: Opener) -> KeyStore:
    """A store over an empty table."""
    return KeyStore(opener(), PEPPER)


def reason(ring: KeyRing, text: str, at: datetime = AT) -> Reason | None:
    """Why a key is refused; None when it is not."""
    try:
        ring.resolve(parse_key(text), at, UNKNOWN_SOURCE)
    except Refusal as refusal:
        return refusal.objection.reason
    return None


def test_what_is_issued_is_kept_whole(store: KeyStore, opener: Opener) -> None:
    """Everything that a key binds survives the way into the database and back."""
    record, text = store.issue(TERMS, AT)

    assert record == KeyRecord(
        id=record.id,
        env="prod",
        agent="summarizer",
        model="claude-x",
        version="1.4",
        deployment="prod-eu",
        user="alice@example.com",
        persona="support",
        digest=record.digest,
        expires=AT + timedelta(days=90),
        networks=TERMS.networks,
        workload=TERMS.workload,
        issued_by="root",
        issued_at=AT,
    )
    assert parse_key(text).id == record.id
    assert KeyStore(opener(), PEPPER).list() == store.list() == [record]
    there = Source(address="10.1.2.3", principal=TERMS.workload or "")
    assert KeyStore(opener(), PEPPER).ring().resolve(parse_key(text), AT, there) == Caller(
        agent=Agent(
            id="summarizer",
            model="claude-x",
            version="1.4",
            deployment="prod-eu",
            workload=TERMS.workload,
        ),
        user="alice@example.com",
        persona="support",
        key=record.id,
    )


def test_a_key_is_known_at_once_in_the_process_that_issued_it(store: KeyStore) -> None:
    """The contract: what a process does itself is in force when the call returns."""
    record, text = store.issue(PLAIN, AT)
    assert reason(store.ring(), text) is None

    store.suspend(record.id, AT)
    assert reason(store.ring(), text) is Reason.CREDENTIAL_SUSPENDED
    store.resume(record.id, AT)
    assert reason(store.ring(), text) is None
    store.revoke(record.id, AT)
    assert reason(store.ring(), text) is Reason.CREDENTIAL_REVOKED


def test_another_process_learns_of_every_change(store: KeyStore, opener: Opener) -> None:
    """A revocation that one worker does not hear of is no revocation."""
    other = KeyStore(opener(), PEPPER)
    record, text = store.issue(PLAIN, AT)
    assert reason(other.ring(), text) is Reason.CREDENTIAL_UNKNOWN

    assert other.refresh(AT)
    assert reason(other.ring(), text) is None

    store.update(record.id, AT, facts=AgentFacts(version="1.5"))
    other.refresh(AT)
    caller = other.ring().resolve(parse_key(text), AT, UNKNOWN_SOURCE)
    assert caller.agent.version == "1.5"
    assert caller.agent.model == "claude-x"

    store.revoke(record.id, AT)
    other.refresh(AT)
    assert reason(other.ring(), text) is Reason.CREDENTIAL_REVOKED


def test_rotation_prints_a_new_secret_under_the_same_id(store: KeyStore) -> None:
    """Both live during the overlap; a second rotation ends the oldest at once."""
    record, first = store.issue(PLAIN, AT)
    rotated, second = store.rotate(record.id, AT, overlap=timedelta(hours=1))
    later = AT + timedelta(hours=1)

    assert rotated.id == record.id
    assert rotated.expires == record.expires
    assert [reason(store.ring(), text) for text in (first, second)] == [None, None]
    assert reason(store.ring(), first, later) is Reason.CREDENTIAL_EXPIRED
    assert reason(store.ring(), second, later) is None

    _, third = store.rotate(record.id, AT, overlap=timedelta(hours=1), ttl=timedelta(days=365))
    assert reason(store.ring(), first) is Reason.CREDENTIAL_UNKNOWN
    assert [reason(store.ring(), text) for text in (second, third)] == [None, None]
    assert store.show(record.id).expires == AT + timedelta(days=365)

    store.revoke(record.id, AT)
    assert {reason(store.ring(), text) for text in (second, third)} == {Reason.CREDENTIAL_REVOKED}


def test_steps_that_a_key_cannot_take_are_refused_in_words(store: KeyStore) -> None:
    """A revoked key stays revoked, and nothing is done to a key that is not there."""
    record, _ = store.issue(PLAIN, AT)
    store.revoke(record.id, AT)

    for step in (
        lambda: store.resume(record.id, AT),
        lambda: store.suspend(record.id, AT),
        lambda: store.rotate(record.id, AT),
        lambda: store.update(record.id, AT, facts=AgentFacts(version="2")),
        lambda: store.update(record.id, AT, facts=AgentFacts()),
        lambda: store.show("nobody"),
        lambda: store.revoke("nobody", AT),
        lambda: store.rotate("nobody", AT),
    ):
        with pytest.raises(LifeError):
            step()
    assert store.revoke(record.id, AT + timedelta(days=1)).revoked == AT


@pytest.mark.parametrize(
    "terms",
    [
        replace(TERMS, agent=""),
        replace(TERMS, user="a\nb"),
        replace(TERMS, persona=" x"),
        replace(TERMS, model="x" * 300),
        replace(TERMS, workload="spiffe://example.org"),
        replace(TERMS, workload="https://example.org/x"),
        replace(TERMS, env="PROD"),
        replace(TERMS, ttl=timedelta()),
        replace(TERMS, ttl=timedelta.max),
    ],
)
def test_terms_that_cannot_stand_are_refused(store: KeyStore, terms: Terms) -> None:
    """What is written into a key ends up in headers and records."""
    with pytest.raises(LifeError):
        store.issue(terms, AT)
    assert store.list() == []


def test_a_change_that_cannot_be_told_is_not_made(opener: Opener) -> None:
    """Keys issued and revoked are on the trail: a trail that is full must not lose one."""

    def refuse(_change: KeyChange) -> None:
        raise OSError("no space left")

    quiet = KeyStore(opener(), PEPPER)
    record, _ = quiet.issue(PLAIN, AT)
    store = KeyStore(opener(), PEPPER, tell=refuse)

    with pytest.raises((StoreError, OSError)):
        store.issue(PLAIN, AT)
    with pytest.raises((StoreError, OSError)):
        store.revoke(record.id, AT)
    assert quiet.list() == [record]


def test_every_change_is_told_once_with_who_did_it(opener: Opener) -> None:
    """Who gave an agent its key is asked first after an incident."""
    told: list[KeyChange] = []
    store = KeyStore(opener(), PEPPER, tell=told.append)
    record, _ = store.issue(PLAIN, AT)
    store.rotate(record.id, AT, by="bob")
    store.update(record.id, AT, facts=AgentFacts(version="2"), by="bob")
    store.suspend(record.id, AT, by="bob")
    store.resume(record.id, AT, by="bob")
    store.revoke(record.id, AT, by="carol")

    assert [(change.what, change.by) for change in told] == [
        ("key.issued", "root"),
        ("key.rotated", "bob"),
        ("key.updated", "bob"),
        ("key.suspended", "bob"),
        ("key.resumed", "bob"),
        ("key.revoked", "carol"),
    ]


def test_a_known_key_goes_on_for_the_grace_and_then_ends(opener: Opener) -> None:
    """The store is down: what is known may be stale only for a stated time; what is unknown never passes."""
    table = opener()
    store = KeyStore(table, PEPPER, grace=timedelta(minutes=5))
    _, text = store.issue(PLAIN, AT)
    assert store.refresh(AT)
    table.close()

    assert not store.refresh(AT + timedelta(minutes=4))
    assert store.ring().adrift
    assert reason(store.ring(), text, AT + timedelta(minutes=4)) is None
    assert reason(store.ring(), NOBODY) is Reason.CREDENTIAL_UNKNOWN
    assert reason(store.ring(), text, AT + timedelta(minutes=5)) is Reason.INTERNAL_STORE


def test_a_store_that_was_never_reached_again_does_not_live_for_ever(opener: Opener) -> None:
    """The grace begins with the first look that fails, if none succeeded."""
    table = opener()
    store = KeyStore(table, PEPPER, grace=timedelta(minutes=5))
    _, text = store.issue(PLAIN, AT)
    table.close()

    store.refresh(AT)
    store.refresh(AT + timedelta(minutes=3))
    assert reason(store.ring(), text, AT + timedelta(minutes=5)) is Reason.INTERNAL_STORE


def test_last_use_is_kept_without_a_write_for_each_call(store: KeyStore, opener: Opener) -> None:
    """A thousand calls are one row at the next flush; the latest wins, whoever noted it."""
    record, _ = store.issue(PLAIN, AT)
    other = KeyStore(opener(), PEPPER)
    for second in range(1000):
        store.used(record.id, AT + timedelta(seconds=second))
    other.used(record.id, AT)
    assert store.last_use() == {}

    store.flush()
    other.flush()
    assert other.last_use((record.id,)) == {record.id: AT + timedelta(seconds=999)}
    assert other.last_use(("nobody",)) == {}


def test_a_note_of_use_is_no_change_of_a_key(store: KeyStore, opener: Opener) -> None:
    """Otherwise busy workers would make each other read."""
    record, _ = store.issue(PLAIN, AT)
    other = KeyStore(opener(), PEPPER)
    before = other.ring().get(record.id)
    store.used(record.id, AT)
    store.flush()
    other.refresh(AT)

    assert other.ring().get(record.id) is before


def test_racing_writers_lose_nothing(opener: Opener) -> None:
    """Several processes issue and update at the same time; each change gets a number of its own."""
    stores = [KeyStore(opener(), PEPPER) for _ in range(4)]
    failures: list[BaseException] = []

    def work(store: KeyStore) -> None:
        try:
            for _ in range(25):
                record, _ = store.issue(PLAIN, AT)
                store.suspend(record.id, AT)
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.refresh(AT)

    assert failures == []
    assert {len(store.ring()) for store in stores} == {100}
    assert all(record.suspended for store in stores for record in store.list())


def test_a_look_for_changes_does_not_undo_a_change_of_this_process(store: KeyStore, opener: Opener) -> None:
    """Both make a new ring from the one before: the later must contain the earlier."""
    other = KeyStore(opener(), PEPPER)
    issued = [store.issue(PLAIN, AT) for _ in range(40)]
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            store.refresh(AT)

    looking = threading.Thread(target=look)
    looking.start()
    for record, text in issued:
        other.update(record.id, AT, facts=AgentFacts(version="2"))
        store.suspend(record.id, AT)
        assert reason(store.ring(), text) is Reason.CREDENTIAL_SUSPENDED
    over.set()
    looking.join()

    assert {reason(store.ring(), text) for _, text in issued} == {Reason.CREDENTIAL_SUSPENDED}


async def test_a_revocation_elsewhere_is_in_force_within_a_second(store: KeyStore, opener: Opener) -> None:
    """The contract's second, measured from the commit in the other process."""
    follower = KeyStore(opener(), PEPPER)
    record, text = store.issue(PLAIN, AT)
    following = asyncio.create_task(follower.follow(lambda: AT))
    loop = asyncio.get_running_loop()
    try:
        await until(lambda: reason(follower.ring(), text) is None)
        began = loop.time()
        await asyncio.to_thread(store.revoke, record.id, AT)
        await until(lambda: reason(follower.ring(), text) is Reason.CREDENTIAL_REVOKED)
        assert loop.time() - began < 1.0
    finally:
        following.cancel()


async def until(holds: Callable[[], bool], seconds: float = 5.0) -> None:
    """Look until something is true."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not holds() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - a thread's work
        await asyncio.sleep(0.01)
    assert holds()


def test_the_pepper_is_for_its_owner_only(tmp_path: Path) -> None:
    """Who can read both pepper and database can try secrets offline."""
    path = tmp_path / "keys.pepper"
    pepper = read_pepper(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert len(pepper) == 32
    assert read_pepper(path) == pepper
    assert list(tmp_path.iterdir()) == [path]

    path.chmod(0o640)
    with pytest.raises(StoreError):
        read_pepper(path)


def test_a_damaged_pepper_is_not_replaced(tmp_path: Path) -> None:
    """A fresh one would make every key unknown, in silence."""
    path = tmp_path / "keys.pepper"
    path.write_bytes(b"short")
    path.chmod(0o600)

    with pytest.raises(StoreError):
        read_pepper(path)
    assert path.read_bytes() == b"short"


def test_racing_processes_end_up_with_one_pepper(tmp_path: Path) -> None:
    """Two peppers would make half of the keys unknown."""
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(read_pepper(tmp_path / "keys.pepper"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(found)) == 1
