"""All keys in memory, as an immutable snapshot: one look-up and one keyed hash say who is calling.

A ring never changes; a store makes the next one with `changed()` and swaps it. It holds no secret but the
pepper.
"""

import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from ipaddress import IPv6Address, ip_address
from types import MappingProxyType

from authz.core.call import Agent, Caller
from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import Source
from authz.identity.key import PresentedKey, fingerprint
from authz.identity.record import KeyRecord, is_spiffe

_NONE: Mapping[str, KeyRecord] = MappingProxyType({})
_FOLD_AT = 4096
"""Changes kept beside the base before both become a new base."""
_CALLERS = 65_536
"""Callers remembered, so that a repeat builds none."""


class KeyRing:
    """Records by key id, and until when they may be believed."""

    __slots__ = ("_base", "_callers", "_pepper", "_recent", "adrift", "until")

    def __init__(
        self,
        records: Mapping[str, KeyRecord],
        pepper: bytes,
        *,
        recent: Mapping[str, KeyRecord] = _NONE,
        until: datetime | None = None,
        adrift: bool = False,
    ) -> None:
        self._base = records
        self._recent = recent
        """Changes since the base was made; they win."""
        self._pepper = pepper
        self._callers: dict[tuple[str, str], Caller] = {}
        self.until = until
        """From here on nothing here may be believed, as the store was not reached; None means no end."""
        self.adrift = adrift
        """Whether the store could not be reached when this ring was made: known keys go on, for a while."""

    @classmethod
    def of(cls, records: Iterable[KeyRecord], pepper: bytes, *, until: datetime | None = None) -> "KeyRing":
        """A ring of these records."""
        return cls({record.id: record for record in records}, pepper, until=until)

    def changed(self, records: Iterable[KeyRecord]) -> "KeyRing":
        """The next ring, with these records new or replaced."""
        recent = {**self._recent, **{record.id: record for record in records}}
        base = self._base
        if len(recent) > _FOLD_AT:
            base, recent = {**base, **recent}, {}
        return KeyRing(base, self._pepper, recent=recent, until=self.until, adrift=self.adrift)

    def believed(self, until: datetime | None, *, adrift: bool = False) -> "KeyRing":
        """The same keys, to be believed until then."""
        ring = KeyRing(self._base, self._pepper, recent=self._recent, until=until, adrift=adrift)
        ring._callers = self._callers  # the same records give the same callers
        return ring

    def __len__(self) -> int:
        return len(self._base) + sum(1 for one in self._recent if one not in self._base)

    def get(self, key_id: str) -> KeyRecord | None:
        """The record of a key, if there is one."""
        return self._recent.get(key_id) or self._base.get(key_id)

    def resolve(self, presented: PresentedKey, at: datetime, source: Source) -> Caller:
        """Who holds this key.

        Raises:
            Refusal: `credential.` unknown, revoked, suspended, expired or source; or `internal.store`.
        """
        record = self._recent.get(presented.id) or self._base.get(presented.id)
        given = fingerprint(self._pepper, presented.text)
        if record is None:
            why = "no such key, and the store of keys is out of reach" if self.adrift else "no such key"
            raise Refusal(Reason.CREDENTIAL_UNKNOWN, why)
        if not hmac.compare_digest(given, record.digest):
            self._previous(record, given, at)
        if self.until is not None and at >= self.until:
            raise Refusal(
                Reason.INTERNAL_STORE, "the store of keys was out of reach for longer than the grace"
            )
        if record.revoked is not None:
            raise Refusal(Reason.CREDENTIAL_REVOKED, f"key `{record.id}` is revoked")
        if record.suspended:
            raise Refusal(Reason.CREDENTIAL_SUSPENDED, f"key `{record.id}` is suspended")
        if at >= record.expires:
            raise Refusal(Reason.CREDENTIAL_EXPIRED, f"key `{record.id}` expired")
        if record.networks or record.workload is not None:
            _from_there(record, source)
        caller = self._callers.get((record.id, source.principal))
        return caller if caller is not None else self._caller(record, source.principal)

    def _previous(self, record: KeyRecord, given: bytes, at: datetime) -> None:
        """Pass only with the secret before the last rotation, while it lives."""
        if record.previous is None or not hmac.compare_digest(given, record.previous):
            # The id is public, the secret is not: the same answer as for an id that nobody has.
            raise Refusal(Reason.CREDENTIAL_UNKNOWN, "no such key")
        if record.revoked is None and (record.previous_until is None or at >= record.previous_until):
            raise Refusal(Reason.CREDENTIAL_EXPIRED, f"this secret of key `{record.id}` was rotated away")

    def _caller(self, record: KeyRecord, principal: str) -> Caller:
        caller = Caller(
            agent=Agent(
                id=record.agent,
                model=record.model,
                version=record.version,
                deployment=record.deployment,
                workload=principal if is_spiffe(principal) else None,
            ),
            user=record.user,
            persona=record.persona,
            key=record.id,
        )
        if len(self._callers) >= _CALLERS:
            self._callers.clear()
        self._callers[record.id, principal] = caller
        return caller


def _from_there(record: KeyRecord, source: Source) -> None:
    """Pass only from the networks and the workload that the key is bound to."""
    if record.networks and not _within(record, source.address):
        raise Refusal(
            Reason.CREDENTIAL_SOURCE, f"key `{record.id}` is not admitted from `{source.address or '?'}`"
        )
    if record.workload is not None and record.workload != source.principal:
        raise Refusal(
            Reason.CREDENTIAL_SOURCE, f"key `{record.id}` is bound to another workload than the one proven"
        )


def _within(record: KeyRecord, address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in record.networks)
