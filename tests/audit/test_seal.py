"""Signed marks: only the holder of the key makes them, each for one purpose."""

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from authz.audit import Mark, Sealer, fingerprint, verify_mark

KEY = Ed25519PrivateKey.from_private_bytes(b"1" * 32)
MARK = Mark("0", 12, "ab" * 32)


def test_a_seal_gives_back_its_mark() -> None:
    """The head of a chain is what a proof compares with."""
    line = Sealer(KEY).seal(MARK, "head")

    assert verify_mark(line, "head", KEY.public_key()) == MARK
    assert orjson.loads(line)["key"] == fingerprint(KEY.public_key())


@pytest.mark.parametrize(
    ("name", "value"),
    [("seq", 11), ("hash", "ba" * 32), ("chain", "1"), ("signature", "AAAA"), ("seq", "12")],
)
def test_a_changed_seal_is_false(name: str, value: object) -> None:
    """Otherwise the end of a chain could be cut off with its head."""
    changed = orjson.loads(Sealer(KEY).seal(MARK, "head")) | {name: value}

    assert verify_mark(orjson.dumps(changed), "head", KEY.public_key()) is None


def test_a_seal_is_good_for_its_purpose_only() -> None:
    """The end of a dropped segment must not pass for the end of the chain."""
    assert verify_mark(Sealer(KEY).seal(MARK, "begin"), "head", KEY.public_key()) is None


def test_another_key_is_refused() -> None:
    """Who can write the folder but lacks the key cannot seal."""
    other = Ed25519PrivateKey.from_private_bytes(b"2" * 32)

    assert verify_mark(Sealer(other).seal(MARK, "head"), "head", KEY.public_key()) is None


@pytest.mark.parametrize("line", [b"", b"no json", b"[]", b"{}"])
def test_what_is_no_seal_is_none(line: bytes) -> None:
    """A proof reads what an attacker wrote."""
    assert verify_mark(line, "head", KEY.public_key()) is None
