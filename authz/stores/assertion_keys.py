"""The keys that sign assertions: one file in the state folder, for its owner only, changed whole.

A new key is published first and signs only later, so that an app that fetched the JWKS a moment ago already
knows it; the one before stays published until its last assertion is over.
"""

import json
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from authz.identity.assertion import LIFETIME, Signer, public_jwk
from authz.identity.view import rfc3339
from authz.stores.keys import StoreError

LEAD = timedelta(minutes=10)
"""How long a new key is published before it signs, unless set otherwise."""
LINGER = timedelta(seconds=2 * LIFETIME)
"""How long a key that no longer signs stays published: the life of its last assertion, twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """One key, and from when it signs."""

    secret: bytes
    """Ed25519 seed, 32 bytes."""
    since: datetime
    """From here on it signs, until a later one does."""

    def private(self) -> Ed25519PrivateKey:
        """The key to sign with."""
        return Ed25519PrivateKey.from_private_bytes(self.secret)

    def __repr__(self) -> str:
        return f"SigningKey({self.jwk()['kid']}, since={rfc3339(self.since)})"

    def jwk(self) -> dict[str, str]:
        """What is published of it."""
        return public_jwk(self.private().public_key())


class AssertionKeys:
    """The keys of one state folder, read again when the file changed."""

    def __init__(self, path: Path, at: datetime) -> None:
        self._path = path
        self._mark: tuple[int, int] = (0, 0)
        self._keys: tuple[SigningKey, ...] = ()
        self._signers: tuple[tuple[datetime, Signer], ...] = ()
        """Latest first, so that the one that signs is found at once."""
        if not path.exists():
            _create(path, (_fresh(at),))
        self.refresh()

    def refresh(self) -> bool:
        """Read the file if it is another than before; False when it cannot be read and the old keys go on."""
        try:
            found = self._path.stat()
            mark = (found.st_mtime_ns, found.st_ino)
            if mark != self._mark:
                self._take(_read(self._path))
                self._mark = mark
        except (OSError, StoreError):
            if not self._keys:
                raise StoreError(f"{self._path}: cannot be read") from None
            return False
        return True

    def signer(self, at: datetime) -> Signer:
        """Who signs now: the latest whose time has come, or the first of all."""
        for since, signer in self._signers:
            if since <= at:
                return signer
        return self._signers[-1][1]

    def _take(self, keys: tuple[SigningKey, ...]) -> None:
        # A key that stays keeps its signer, and with it the assertions that are still fresh.
        known = dict(zip(self._keys, (signer for _, signer in reversed(self._signers)), strict=True))
        self._keys = tuple(sorted(keys, key=lambda key: key.since))
        signers = [(key.since, known.get(key) or Signer(key.private())) for key in self._keys]
        self._signers = tuple(reversed(signers))

    def jwks(self, at: datetime) -> dict[str, list[dict[str, str]]]:
        """What is published (RFC 7517): the key that signs, the next ones, and the one that just ended."""
        return {"keys": [key.jwk() for key in _published(self._keys, at)]}

    def rotate(self, at: datetime, *, lead: timedelta = LEAD) -> SigningKey:
        """A new key, published now, that signs after `lead`; those that are over are dropped.

        Raises:
            StoreError: the file cannot be written.
        """
        fresh = _fresh(at + lead)
        self.refresh()
        # A key that was to come and did not sign yet would sign after the new one: it is dropped.
        kept = tuple(key for key in _published(self._keys, at) if key.since <= at)
        _replace(self._path, (*kept, fresh))
        self.refresh()
        return fresh


def open_assertion_keys(state: Path, at: datetime) -> AssertionKeys:
    """The keys of a state folder; the first one is made when there is none.

    Raises:
        StoreError: the file cannot be used, or others may read it.
    """
    return AssertionKeys(state / "assertions.json", at)


def _fresh(since: datetime) -> SigningKey:
    return SigningKey(secret=secrets.token_bytes(32), since=since)


def _published(keys: Sequence[SigningKey], at: datetime) -> list[SigningKey]:
    """All whose last assertion may still be alive."""
    ordered = sorted(keys, key=lambda key: key.since)
    return [
        key
        for key, after in zip(ordered, [*ordered[1:], None], strict=True)
        if after is None or at < after.since + LINGER
    ]


def _read(path: Path) -> tuple[SigningKey, ...]:
    if path.stat().st_mode & 0o077:
        raise StoreError(f"{path}: others may read or write the signing keys: chmod 600 it, and rotate")
    try:
        keys = tuple(
            SigningKey(secret=bytes.fromhex(one["secret"]), since=datetime.fromisoformat(one["since"]))
            for one in json.loads(path.read_bytes())["keys"]
        )
        for key in keys:
            key.jwk()
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path}: damaged ({type(error).__name__}): restore it, or remove it") from None
    if not keys:
        raise StoreError(f"{path}: holds no key: remove it")
    return keys


def _content(keys: Sequence[SigningKey]) -> bytes:
    listed = [{"secret": key.secret.hex(), "since": key.since.isoformat()} for key in keys]
    return json.dumps({"keys": listed}).encode()


def _draft(path: Path, keys: Sequence[SigningKey]) -> Path:
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, _content(keys))
        os.fsync(handle)
    finally:
        os.close(handle)
    return draft


def _create(path: Path, keys: Sequence[SigningKey]) -> None:
    """Racing processes end up with one file: a link never replaces."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = _draft(path, keys)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    except OSError as error:
        raise StoreError(f"{path}: {(error.strerror or 'cannot be written').lower()}") from None


def _replace(path: Path, keys: Sequence[SigningKey]) -> None:
    try:
        _draft(path, keys).replace(path)
    except OSError as error:
        raise StoreError(f"{path}: {(error.strerror or 'cannot be written').lower()}") from None
