"""The text of a key: one form, found wrong without a look-up, never repeated in a refusal."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.identity.key import ALPHABET, base62, fingerprint, new_id, new_key, parse_key

KEY = new_key("prod", "0a1b2c3d4e5f", bytes(range(32)))


def malformed(text: str) -> Refusal:
    """The refusal that `text` meets."""
    with pytest.raises(Refusal) as caught:
        parse_key(text)
    assert caught.value.objection.reason is Reason.CREDENTIAL_MALFORMED
    return caught.value


def test_a_key_has_the_documented_form() -> None:
    """Secret scanners and app teams match on it."""
    before, check = KEY[:-6], KEY[-6:]

    assert KEY.startswith("aak_prod_0a1b2c3d4e5f_")
    assert len(KEY) == len("aak_prod_0a1b2c3d4e5f_") + 43 + 6
    value = 0
    for letter in check:
        value = value * 62 + ALPHABET.index(letter)
    assert value == zlib.crc32(before.encode())


@given(st.binary(min_size=32, max_size=32), st.from_regex(r"[a-z][a-z0-9]{0,15}", fullmatch=True))
def test_what_is_made_is_read_back(secret: bytes, env: str) -> None:
    """A key that we print is one that we accept."""
    key_id = new_id(secret)
    text = new_key(env, key_id, secret)

    assert parse_key(text) == (env, key_id, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "aak_",
        KEY[:-1],
        KEY + "0",
        KEY + "=",
        KEY + " ",
        " " + KEY,
        KEY + "\n",
        KEY + KEY,
        KEY.upper(),
        KEY.replace("aak_prod", "aak_Prod"),
        KEY.replace("aak_prod", "aak_"),
        KEY.replace("_0a1b", "_\u0660a1b"),
        KEY[:30] + ("x" if KEY[30] != "x" else "y") + KEY[31:],
        KEY * 200,
        "eyJhbGciOiJub25lIn0.e30.",
    ],
)
def test_what_is_not_exactly_a_key_is_malformed(text: str) -> None:
    """There is one text for one key: anything lenient is a second way in."""
    malformed(text)


def test_a_secret_above_256_bits_is_malformed() -> None:
    """43 digits could say more than 256 bits: such a text is no form of any key."""
    before = "aak_prod_0a1b2c3d4e5f_" + "z" * 43

    malformed(before + base62(zlib.crc32(before.encode()), 6))


@given(st.text(max_size=200))
def test_any_text_is_a_key_or_malformed_and_is_not_repeated(text: str) -> None:
    """Refusals are recorded; a record holds nothing of a credential."""
    refusal = malformed("aak_" + text)

    assert refusal.objection.detail in {
        "not of the form of an agent access key",
        "the checksum of the agent access key is wrong",
    }


def test_a_presented_key_does_not_show_its_secret() -> None:
    """A log line or a traceback that prints it gives nothing away."""
    assert KEY[22:30] not in repr(parse_key(KEY))
    assert KEY[22:30] not in f"{(parse_key(KEY),)}"


def test_the_stored_hash_binds_id_and_environment() -> None:
    """A hash that is copied to another row proves nothing there."""
    other = new_key("prod", "0a1b2c3d4e5e", bytes(range(32)))
    test = new_key("test", "0a1b2c3d4e5f", bytes(range(32)))

    assert len({fingerprint(b"p", one) for one in (KEY, other, test)}) == 3
    assert fingerprint(b"p", KEY) != fingerprint(b"q", KEY)


@pytest.mark.parametrize(
    ("env", "key_id", "secret"),
    [("Prod", "0a1b2c3d4e5f", bytes(32)), ("prod", "x", bytes(32)), ("prod", "0a1b2c3d4e5f", bytes(31))],
)
def test_a_key_is_not_made_of_wrong_parts(env: str, key_id: str, secret: bytes) -> None:
    """What could not be read back must not be handed out."""
    with pytest.raises(ValueError, match="parts"):
        new_key(env, key_id, secret)


def test_an_id_needs_enough_random_bytes() -> None:
    """Ids must not collide."""
    with pytest.raises(ValueError, match="16"):
        new_id(bytes(15))
