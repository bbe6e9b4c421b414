"""What is kept of an Agent Access Key, and the steps of its life.

Each step is a function from a record to a record, or a `LifeError` in words for a person. No store, no clock
and no random numbers here: `at` and what was drawn are arguments.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import TypeAlias

Network: TypeAlias = IPv4Network | IPv6Network

_SPIFFE = re.compile(r"spiffe://[a-z0-9._-]{1,255}(/[A-Za-z0-9._-]+)+", re.ASCII)
_NAME = re.compile(
    r"[^\x00-\x20\x7f-\xa0\u2028\u2029]([^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,253}[^\x00-\x20\x7f-\xa0\u2028\u2029])?"
)


class LifeError(Exception):
    """The operator asked for a step that this key cannot take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """One key: what it binds, how long it lives, and keyed hashes of its secrets."""

    id: str
    env: str
    agent: str
    model: str | None = None
    version: str | None = None
    deployment: str | None = None
    user: str
    persona: str
    digest: bytes
    """Keyed hash of the key in force."""
    previous: bytes | None = None
    """Keyed hash of the key before the last rotation."""
    previous_until: datetime | None = None
    """When the previous key ends."""
    expires: datetime
    """Aware, UTC; the key is dead from this instant on."""
    suspended: bool = False
    revoked: datetime | None = None
    networks: tuple[Network, ...] = ()
    """Where calls may come from; empty means anywhere."""
    workload: str | None = None
    """SPIFFE id that mTLS must prove; None means that none is asked for."""
    issued_by: str = ""
    issued_at: datetime

    def state(self, at: datetime) -> str:
        """`active`, `suspended`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        if at >= self.expires:
            return "expired"
        return "suspended" if self.suspended else "active"


def checked(record: KeyRecord) -> KeyRecord:
    """The record, if all that a person wrote into it can stand.

    Raises:
        LifeError: a name is empty, overlong or holds control characters; a workload is no SPIFFE id.
    """
    for what, text in (
        ("agent", record.agent),
        ("user", record.user),
        ("persona", record.persona),
        ("model", record.model),
        ("agent version", record.version),
        ("deployment", record.deployment),
    ):
        if text is not None and not _NAME.fullmatch(text):
            raise LifeError(f"{what} must be 1 to 255 characters without control characters or outer spaces")
    if record.workload is not None and not is_spiffe(record.workload):
        raise LifeError("workload must be a SPIFFE id such as spiffe://example.org/ns/agents/sa/summarizer")
    if record.expires <= record.issued_at:
        raise LifeError("the time to live must be more than zero")
    return record


def is_spiffe(text: str) -> bool:
    """Whether `text` is a SPIFFE id of a workload: trust domain and path, no empty or dot segment."""
    return (
        len(text) <= 2048  # noqa: PLR2004 - SPIFFE-ID section 2.3
        and _SPIFFE.fullmatch(text) is not None
        and not any(part in {".", ".."} for part in text.split("/")[3:])
    )


def rotated(
    record: KeyRecord, digest: bytes, at: datetime, *, overlap: timedelta, expires: datetime | None = None
) -> KeyRecord:
    """A new secret in force; the one before it goes on for `overlap`, and any older one ends now."""
    _not_revoked(record, "rotated")
    until = expires or record.expires
    if until <= at:
        raise LifeError(f"key `{record.id}` has expired: give a new time to live")
    if overlap < timedelta():
        raise LifeError("the overlap must not be negative")
    return replace(record, digest=digest, previous=record.digest, previous_until=at + overlap, expires=until)


def revoked(record: KeyRecord, at: datetime) -> KeyRecord:
    """The end, of all secrets of the key. Twice is once."""
    return record if record.revoked is not None else replace(record, revoked=at)


def suspended(record: KeyRecord) -> KeyRecord:
    """Out of force until resumed."""
    _not_revoked(record, "suspended")
    return replace(record, suspended=True)


def resumed(record: KeyRecord) -> KeyRecord:
    """In force again."""
    _not_revoked(record, "resumed")
    return replace(record, suspended=False)


def _not_revoked(record: KeyRecord, step: str) -> None:
    if record.revoked is not None:
        raise LifeError(f"key `{record.id}` is revoked and cannot be {step}: issue a new one")
