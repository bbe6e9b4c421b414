"""The text of an Agent Access Key: made, and read back without a look-up.

    aak_<env>_<key id>_<secret><checksum>

`env` is 1 to 16 lower-case letters and digits, a letter first. `key id` is 12 lower-case letters and digits.
`secret` is 256 bits as 43 base62 digits (`0-9A-Za-z`, most significant first, zeros in front). `checksum` is
the CRC-32 (ISO-HDLC, as in zlib) of every ASCII byte before it, as 6 base62 digits in the same manner. There
is exactly one text for a key: what is padded, doubled or not the shortest form is no key.

This module draws no random numbers (they are arguments) and knows no store.
"""

import hmac
import re
import zlib
from typing import NamedTuple

from authz.core.decision import Refusal
from authz.core.reason import Reason

PREFIX = "aak_"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
ID_DIGITS = 12
SECRET_BYTES = 32
SECRET_DIGITS = 43
CHECKSUM_DIGITS = 6
MAX_HEADER = 8192
"""Characters of a header that may hold a credential; longer ones are not read at all."""

_SHAPE = re.compile(r"aak_([a-z][a-z0-9]{0,15})_([0-9a-z]{12})_([0-9A-Za-z]{43})([0-9A-Za-z]{6})", re.ASCII)
_ENV = re.compile(r"[a-z][a-z0-9]{0,15}", re.ASCII)
_ID = re.compile(r"[0-9a-z]{12}", re.ASCII)


class PresentedKey(NamedTuple):
    """A key as a client showed it: well-formed, proven to be nothing yet."""

    env: str
    id: str
    text: str
    """The whole key. Never to be logged, recorded or shown."""

    def __repr__(self) -> str:
        return f"PresentedKey({self.env}, {self.id})"


def base62(number: int, digits: int) -> str:
    """`number` in base 62, filled with zeros in front to `digits`."""
    found = ""
    for _ in range(digits):
        number, rest = divmod(number, 62)
        found = ALPHABET[rest] + found
    return found


# The alphabet is in ASCII order and the width is fixed, so that texts compare as their numbers do.
_LARGEST_SECRET = base62(2**256 - 1, SECRET_DIGITS)
_VALUE = {letter: value for value, letter in enumerate(ALPHABET)}


def checksum(before: str) -> str:
    """The last six digits of a key, from all that stands before them."""
    return base62(zlib.crc32(before.encode("ascii")), CHECKSUM_DIGITS)


def new_id(random: bytes) -> str:
    """A key id from at least 16 random bytes."""
    if len(random) < 16:  # noqa: PLR2004 - far more bits than an id holds, so that the remainder is even
        raise ValueError("an id needs 16 random bytes")
    number = int.from_bytes(random, "big")
    found = ""
    for _ in range(ID_DIGITS):
        number, rest = divmod(number, 36)
        found += ID_ALPHABET[rest]
    return found


def new_key(env: str, key_id: str, secret: bytes) -> str:
    """The text of a key, from 32 random bytes. It is shown once and kept nowhere.

    Raises:
        ValueError: `env`, `key_id` or `secret` cannot be part of a key.
    """
    if not valid_env(env) or not _ID.fullmatch(key_id) or len(secret) != SECRET_BYTES:
        raise ValueError("not the parts of a key")
    before = f"{PREFIX}{env}_{key_id}_{base62(int.from_bytes(secret, 'big'), SECRET_DIGITS)}"
    return before + checksum(before)


def valid_env(env: str) -> bool:
    """Whether `env` can stand in a key."""
    return _ENV.fullmatch(env) is not None


def parse_key(text: str) -> PresentedKey:
    """A key from what a client sent.

    Raises:
        Refusal: `credential.malformed`; nothing of the text is repeated in it.
    """
    found = _SHAPE.fullmatch(text) if len(text) <= MAX_HEADER else None
    if found is None:
        raise Refusal(Reason.CREDENTIAL_MALFORMED, "not of the form of an agent access key")
    env, key_id, secret, check = found.groups()
    expected = 0
    for letter in check:
        expected = expected * 62 + _VALUE[letter]
    if zlib.crc32(text[:-CHECKSUM_DIGITS].encode("ascii")) != expected or secret > _LARGEST_SECRET:
        raise Refusal(Reason.CREDENTIAL_MALFORMED, "the checksum of the agent access key is wrong")
    return PresentedKey(env, key_id, text)


def fingerprint(pepper: bytes, text: str) -> bytes:
    """What is stored of a key: HMAC-SHA-256 of its whole text, so that env and id are bound to the secret."""
    return hmac.digest(pepper, text.encode("ascii"), "sha256")
