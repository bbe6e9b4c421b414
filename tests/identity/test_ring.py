"""Keys in memory: who a key stands for, and every way in which it does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest

from authz.core.call import Agent, Caller
from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import UNKNOWN_SOURCE, Source
from authz.identity.key import fingerprint, new_key, parse_key
from authz.identity.record import KeyRecord
from authz.identity.ring import KeyRing

PEPPER = b"pepper"
AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
ID = "0a1b2c3d4e5f"
KEY = new_key("prod", ID, bytes(range(32)))
OLD = new_key("prod", ID, bytes(32))
WORKLOAD = "spiffe://example.org/ns/agents/sa/summarizer"
RECORD = KeyRecord(
    id=ID,
    env="prod",
    agent="summarizer",
    model="claude-x",
    version="1.4",
    deployment="prod-eu",
    user="alice@example.com",
    persona="support",
    digest=fingerprint(PEPPER, KEY),
    expires=AT + timedelta(days=90),
    issued_at=AT - timedelta(days=1),
)


def refused(
    record: KeyRecord, *, text: str = KEY, at: datetime = AT, source: Source = UNKNOWN_SOURCE
) -> Reason:
    """The reason why `record` does not prove the caller."""
    with pytest.raises(Refusal) as caught:
        KeyRing.of([record], PEPPER).resolve(parse_key(text), at, source)
    assert text[22:] not in caught.value.objection.detail
    return caught.value.objection.reason


def test_a_key_names_agent_user_and_persona() -> None:
    """Identity is the key's, not the request's."""
    caller = KeyRing.of([RECORD], PEPPER).resolve(parse_key(KEY), AT, UNKNOWN_SOURCE)

    assert caller == Caller(
        agent=Agent(id="summarizer", model="claude-x", version="1.4", deployment="prod-eu"),
        user="alice@example.com",
        persona="support",
        key=ID,
        proof="key",
    )


def test_an_unknown_id_and_a_wrong_secret_are_told_the_same() -> None:
    """Otherwise ids could be tried out."""
    wrong = new_key("prod", ID, bytes([1] * 32))
    nobody = new_key("prod", "zzzzzzzzzzzz", bytes(32))

    found = []
    for text in (wrong, nobody):
        with pytest.raises(Refusal) as caught:
            KeyRing.of([RECORD], PEPPER).resolve(parse_key(text), AT, UNKNOWN_SOURCE)
        found.append(caught.value.objection)
    assert found[0] == found[1]
    assert found[0].reason is Reason.CREDENTIAL_UNKNOWN


def test_a_wrong_secret_of_a_revoked_key_does_not_learn_that_it_is_revoked() -> None:
    """The state of a key is for who holds it."""
    wrong = new_key("prod", ID, bytes([1] * 32))

    assert refused(replace(RECORD, revoked=AT), text=wrong) is Reason.CREDENTIAL_UNKNOWN


def test_expiry_has_no_leeway() -> None:
    """The contract: a key is dead from the instant on."""
    last = RECORD.expires - timedelta(microseconds=1)

    assert KeyRing.of([RECORD], PEPPER).resolve(parse_key(KEY), last, UNKNOWN_SOURCE).key == ID
    assert refused(RECORD, at=RECORD.expires) is Reason.CREDENTIAL_EXPIRED


def test_suspended_and_revoked_keys_are_refused() -> None:
    """Both act on every secret of the id."""
    rotated = replace(RECORD, previous=fingerprint(PEPPER, OLD), previous_until=AT + timedelta(hours=1))

    for text in (KEY, OLD):
        assert refused(replace(rotated, suspended=True), text=text) is Reason.CREDENTIAL_SUSPENDED
        assert refused(replace(rotated, revoked=AT), text=text) is Reason.CREDENTIAL_REVOKED


def test_two_secrets_live_during_a_rotation() -> None:
    """Agents are moved to the new secret without an outage, and the old one ends by itself."""
    until = AT + timedelta(hours=1)
    ring = KeyRing.of([replace(RECORD, previous=fingerprint(PEPPER, OLD), previous_until=until)], PEPPER)

    assert ring.resolve(parse_key(OLD), AT, UNKNOWN_SOURCE) == ring.resolve(
        parse_key(KEY), AT, UNKNOWN_SOURCE
    )
    with pytest.raises(Refusal) as caught:
        ring.resolve(parse_key(OLD), until, UNKNOWN_SOURCE)
    assert caught.value.objection.reason is Reason.CREDENTIAL_EXPIRED
    assert ring.resolve(parse_key(KEY), until, UNKNOWN_SOURCE).key == ID


@pytest.mark.parametrize(
    ("address", "admitted"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("2001:db8::7", True),
        ("11.1.2.3", False),
        ("2001:db9::7", False),
        ("", False),
        ("10.1.2.3.evil", False),
        ("/run/agent.sock", False),
    ],
)
def test_a_key_bound_to_networks_is_refused_from_elsewhere(address: str, admitted: bool) -> None:  # noqa: FBT001 - a table
    """A stolen key is of no use outside; an address that is unknown is elsewhere."""
    bound = replace(RECORD, networks=(ip_network("10.0.0.0/8"), ip_network("2001:db8::/32")))
    source = Source(address=address)

    if admitted:
        assert KeyRing.of([bound], PEPPER).resolve(parse_key(KEY), AT, source).key == ID
    else:
        assert refused(bound, source=source) is Reason.CREDENTIAL_SOURCE


@pytest.mark.parametrize("principal", ["", WORKLOAD + "/x", WORKLOAD.upper(), WORKLOAD + "\x00"])
def test_a_key_bound_to_a_workload_is_refused_without_its_proof(principal: str) -> None:
    """The whole id must be equal; what only looks like it is another workload."""
    bound = replace(RECORD, workload=WORKLOAD)

    assert refused(bound, source=Source(principal=principal)) is Reason.CREDENTIAL_SOURCE
    proven = KeyRing.of([bound], PEPPER).resolve(parse_key(KEY), AT, Source(principal=WORKLOAD))
    assert proven.agent.workload == WORKLOAD


@pytest.mark.parametrize(
    "principal", ["CN=agent", "agent.example.org", "spiffe://example.org/../x", "spiffe://"]
)
def test_only_a_spiffe_id_is_a_workload(principal: str) -> None:
    """A persona compares it with SPIFFE ids; other names of a peer prove no workload."""
    caller = KeyRing.of([RECORD], PEPPER).resolve(parse_key(KEY), AT, Source(principal=principal))

    assert caller.agent.workload is None


def test_a_ring_that_cannot_be_renewed_dies_after_its_grace() -> None:
    """A replica cut off from the store must not go on for ever: a revocation might never reach it."""
    until = AT + timedelta(minutes=5)
    ring = KeyRing.of([RECORD], PEPPER).believed(until, adrift=True)
    nobody = parse_key(new_key("prod", "zzzzzzzzzzzz", bytes(32)))

    assert ring.resolve(parse_key(KEY), until - timedelta(seconds=1), UNKNOWN_SOURCE).key == ID
    with pytest.raises(Refusal) as late:
        ring.resolve(parse_key(KEY), until, UNKNOWN_SOURCE)
    with pytest.raises(Refusal) as unknown:
        ring.resolve(nobody, AT, UNKNOWN_SOURCE)
    assert late.value.objection.reason is Reason.INTERNAL_STORE
    assert unknown.value.objection.reason is Reason.CREDENTIAL_UNKNOWN


def test_a_changed_ring_leaves_the_one_before_as_it_was() -> None:
    """A batch of calls that began with a ring ends with it."""
    before = KeyRing.of([RECORD], PEPPER)
    after = before.changed([replace(RECORD, revoked=AT)])

    assert before.resolve(parse_key(KEY), AT, UNKNOWN_SOURCE).key == ID
    with pytest.raises(Refusal):
        after.resolve(parse_key(KEY), AT, UNKNOWN_SOURCE)
    assert len(after) == len(before) == 1


def test_a_caller_is_made_anew_when_the_record_changed() -> None:
    """An agent that was updated is the new version at once."""
    ring = KeyRing.of([RECORD], PEPPER)
    ring.resolve(parse_key(KEY), AT, UNKNOWN_SOURCE)
    updated = ring.changed([replace(RECORD, version="1.5")])

    assert updated.resolve(parse_key(KEY), AT, UNKNOWN_SOURCE).agent.version == "1.5"


def test_many_changes_are_folded_into_the_base() -> None:
    """A change must not cost a copy of all keys, nor may the changes pile up."""
    ring = KeyRing.of([RECORD], PEPPER)
    ring = ring.changed([replace(RECORD, id=f"{number:012d}") for number in range(5000)])
    ring = ring.changed([replace(RECORD, id="x" * 12)])

    assert len(ring) == 5002
    assert ring.get(f"{4999:012d}") is not None
    assert ring.get("nobody") is None
