"""Signing keys: made once, published before they sign, known until their last assertion is over."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from authz.core.call import Agent, Caller
from authz.identity.assertion import Vouch
from authz.identity.verifier import trusted_keys, verify_assertion
from authz.stores.assertion_keys import AssertionKeys, open_assertion_keys
from authz.stores.keys import StoreError

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
VOUCH = Vouch(
    caller=Caller(agent=Agent(id="a"), user="u", persona="p", key="k"), persona="p", app="billing", tool="t"
)


def kids(keys: AssertionKeys, at: datetime) -> list[str]:
    """What is published, oldest first."""
    return [key["kid"] for key in keys.jwks(at)["keys"]]


def test_the_first_key_is_made_for_its_owner_only(tmp_path: Path) -> None:
    """Who can read it can speak for the authorizer."""
    keys = open_assertion_keys(tmp_path, AT)

    assert (tmp_path / "assertions.json").stat().st_mode & 0o777 == 0o600
    assert kids(keys, AT) == [keys.signer(AT).kid]
    assert open_assertion_keys(tmp_path, AT).signer(AT).kid == keys.signer(AT).kid
    (tmp_path / "assertions.json").chmod(0o644)
    with pytest.raises(StoreError):
        open_assertion_keys(tmp_path, AT)


def test_every_assertion_is_known_at_every_moment_of_a_rotation(tmp_path: Path) -> None:
    """An app that fetches the JWKS every five minutes never meets a signature that it cannot check."""
    keys = open_assertion_keys(tmp_path, AT)
    keys.rotate(AT)
    fetched = AT
    trusted = trusted_keys(keys.jwks(AT))
    for seconds in range(0, 1800, 10):
        now = AT + timedelta(seconds=seconds)
        if now - fetched >= timedelta(minutes=5):
            trusted, fetched = trusted_keys(keys.jwks(now)), now
        text = keys.signer(now).cached(VOUCH, now, lambda: "one")
        for later in (0, 29):
            who = verify_assertion(text, trusted, app="billing", at=now + timedelta(seconds=later))
            assert who.user == "u"


def test_a_rotation_publishes_first_signs_later_and_drops_last(tmp_path: Path) -> None:
    """The three steps, and their times."""
    keys = open_assertion_keys(tmp_path, AT)
    old = keys.signer(AT).kid
    new = keys.rotate(AT, lead=timedelta(minutes=10)).jwk()["kid"]
    turn = AT + timedelta(minutes=10)

    assert kids(keys, AT) == [old, new]
    assert keys.signer(turn - timedelta(seconds=1)).kid == old
    assert keys.signer(turn).kid == new
    assert kids(keys, turn + timedelta(seconds=119)) == [old, new]
    assert kids(keys, turn + timedelta(seconds=120)) == [new]


def test_another_worker_learns_of_a_rotation_and_keeps_what_is_fresh(tmp_path: Path) -> None:
    """All workers turn at the same instant."""
    worker = open_assertion_keys(tmp_path, AT)
    text = worker.signer(AT).cached(VOUCH, AT, lambda: "one")
    new = open_assertion_keys(tmp_path, AT).rotate(AT).jwk()["kid"]

    assert worker.refresh()
    assert worker.signer(AT).cached(VOUCH, AT, lambda: "two") == text
    assert worker.signer(AT + timedelta(minutes=10)).kid == new


def test_an_emergency_signs_at_once(tmp_path: Path) -> None:
    """A key that leaked must not sign another ten minutes."""
    keys = open_assertion_keys(tmp_path, AT)
    keys.rotate(AT)
    new = keys.rotate(AT, lead=timedelta()).jwk()["kid"]

    assert keys.signer(AT).kid == new
    assert len(kids(keys, AT)) == 2


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"keys": []}', b'{"keys": [{"secret": "00", "since": "x"}]}']
)
def test_a_damaged_file_is_told_and_a_running_worker_goes_on(tmp_path: Path, content: bytes) -> None:
    """A bad file never replaces good keys, and is never replaced by new ones in silence."""
    keys = open_assertion_keys(tmp_path, AT)
    signer = keys.signer(AT)
    (tmp_path / "assertions.json").write_bytes(content)

    assert not keys.refresh()
    assert keys.signer(AT) is signer
    with pytest.raises(StoreError):
        open_assertion_keys(tmp_path, AT)


def test_racing_processes_end_up_with_one_key(tmp_path: Path) -> None:
    """Otherwise an app would know the keys of one worker only."""
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda: found.append(open_assertion_keys(tmp_path, AT).signer(AT).kid))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(found)) == 1
    assert "secret" not in repr(open_assertion_keys(tmp_path, AT).rotate(AT))
