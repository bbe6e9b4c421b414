"""All keys in memory, as an immutable snapshot: one look-up and one keyed hash say who is calling.

A ring never changes; a store makes the next one with `changed()` and swaps it. It holds no secret but the
pepper.
"""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from ipaddress import IPv6Address, ip_address
from types import MappingProxyType

from authz.core.call import Agent, Caller
from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import Source
from authz.identity.key import PresentedKey
from authz.identity.record import KeyRecord, is_spiffe

_FOLD_AT = 4096
"""Changes kept beside the base before both become a new base."""
_PROVEN = 65_536
"""Callers with a proven workload that are remembered, so that a repeat builds none."""


class Entry:
    """What a call asks of a key, and no more: a million of them are held."""

    __slots__ = ("bound", "caller", "digest", "expires", "previous", "previous_until", "refused")

    def __init__(self, record: KeyRecord, agent: Agent) -> None:
        self.caller = Caller(agent=agent, user=record.user, persona=record.persona, key=record.id)
        self.digest = record.digest
        self.previous = record.previous
        self.previous_until = record.previous_until
        self.expires = record.expires
        self.refused: Reason | None = None
        if record.revoked is not None:
            self.refused = Reason.CREDENTIAL_REVOKED
        elif record.suspended:
            self.refused = Reason.CREDENTIAL_SUSPENDED
        bound = record.networks or record.workload is not None
        self.bound = record if bound else None
        """The record, where it says from where the key may be used."""


_NONE: Mapping[str, Entry] = MappingProxyType({})


class KeyRing:
    """Keys by id, and until when they may be believed."""

    __slots__ = ("_agents", "_base", "_keyed", "_proven", "_recent", "adrift", "until")

    def __init__(  # noqa: PLR0913 - what the next ring shares with the one before
        self,
        base: Mapping[str, Entry],
        keyed: hmac.HMAC,
        *,
        recent: Mapping[str, Entry] = _NONE,
        agents: dict[tuple[str | None, ...], Agent] | None = None,
        until: datetime | None = None,
        adrift: bool = False,
    ) -> None:
        self._base = base
        self._keyed = keyed
        self._recent = recent
        """Changes since the base was made; they win."""
        self._agents = {} if agents is None else agents
        """Agents by all that they are: many keys of one agent share it."""
        self._proven: dict[tuple[str, str], Caller] = {}
        self.until = until
        """From here on nothing here may be believed, as the store was not reached; None means no end."""
        self.adrift = adrift
        """Whether the store could not be reached when this ring was made: known keys go on, for a while."""

    @classmethod
    def of(cls, records: Iterable[KeyRecord], pepper: bytes) -> "KeyRing":
        """A ring of these records."""
        base: dict[str, Entry] = {}
        ring = cls(base, hmac.new(pepper, digestmod="sha256"))
        for record in records:
            base[record.id] = ring._entry(record)
        return ring

    def changed(self, records: Iterable[KeyRecord]) -> "KeyRing":
        """The next ring, with these records new or replaced."""
        base = self._base
        recent: Mapping[str, Entry] = {**self._recent, **{one.id: self._entry(one) for one in records}}
        if len(recent) > _FOLD_AT:
            base, recent = {**base, **recent}, _NONE
        return KeyRing(
            base, self._keyed, recent=recent, agents=self._agents, until=self.until, adrift=self.adrift
        )

    def believed(self, until: datetime, *, adrift: bool = False) -> "KeyRing":
        """The same keys, to be believed until then."""
        return KeyRing(
            self._base, self._keyed, recent=self._recent, agents=self._agents, until=until, adrift=adrift
        )

    def __len__(self) -> int:
        return len(self._base) + sum(1 for one in self._recent if one not in self._base)

    def get(self, key_id: str) -> Entry | None:
        """What is held of a key, if there is one."""
        return self._recent.get(key_id) or self._base.get(key_id)

    def resolve(self, presented: PresentedKey, at: datetime, source: Source) -> Caller:
        """Who holds this key.

        Raises:
            Refusal: `credential.` unknown, revoked, suspended, expired or source; or `internal.store`.
        """
        entry = self._recent.get(presented.id) or self._base.get(presented.id)
        keyed = self._keyed.copy()
        keyed.update(presented.text.encode("ascii"))
        given = keyed.digest()
        if entry is None:
            why = "no such key, and the store of keys is out of reach" if self.adrift else "no such key"
            raise Refusal(Reason.CREDENTIAL_UNKNOWN, why)
        if not hmac.compare_digest(given, entry.digest):
            self._previous(entry, given, at)
        if self.until is not None and at >= self.until:
            raise Refusal(
                Reason.INTERNAL_STORE, "the store of keys was out of reach for longer than the grace"
            )
        if entry.refused is not None:
            state = entry.refused.value.partition(".")[2]
            raise Refusal(entry.refused, f"key `{presented.id}` is {state}", caller=entry.caller)
        if at >= entry.expires:
            raise Refusal(Reason.CREDENTIAL_EXPIRED, f"key `{presented.id}` expired", caller=entry.caller)
        if entry.bound is not None:
            _from_there(entry.bound, source, entry.caller)
        return self._with_workload(entry.caller, source.principal) if source.principal else entry.caller

    def _previous(self, entry: Entry, given: bytes, at: datetime) -> None:
        """Pass only with the secret before the last rotation, while it lives."""
        if entry.previous is None or not hmac.compare_digest(given, entry.previous):
            # The id is public, the secret is not: the same answer as for an id that nobody has.
            why = "no such key, and the store of keys is out of reach" if self.adrift else "no such key"
            raise Refusal(Reason.CREDENTIAL_UNKNOWN, why)
        over = entry.previous_until is None or at >= entry.previous_until
        if over and entry.refused is not Reason.CREDENTIAL_REVOKED:
            raise Refusal(
                Reason.CREDENTIAL_EXPIRED, f"this secret of key `{entry.caller.key}` was rotated away"
            )

    def _with_workload(self, caller: Caller, principal: str) -> Caller:
        name = (caller.key or "", principal)
        proven = self._proven.get(name)
        if proven is None:
            proven = caller
            if is_spiffe(principal):
                proven = replace(caller, agent=replace(caller.agent, workload=principal))
            if len(self._proven) >= _PROVEN:
                self._proven.clear()
            self._proven[name] = proven
        return proven

    def _entry(self, record: KeyRecord) -> Entry:
        name = (record.agent, record.model, record.version, record.deployment)
        agent = self._agents.get(name)
        if agent is None:
            agent = Agent(
                id=record.agent, model=record.model, version=record.version, deployment=record.deployment
            )
            self._agents[name] = agent
        return Entry(record, agent)


def _from_there(record: KeyRecord, source: Source, caller: Caller) -> None:
    """Pass only from the networks and the workload that the key is bound to."""
    if record.networks and not _within(record, source.address):
        why = f"key `{record.id}` is not admitted from `{source.address or '?'}`"
        raise Refusal(Reason.CREDENTIAL_SOURCE, why, caller=caller)
    if record.workload is not None and record.workload != source.principal:
        why = f"key `{record.id}` is bound to another workload than the one proven"
        raise Refusal(Reason.CREDENTIAL_SOURCE, why, caller=caller)


def _within(record: KeyRecord, address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found in network for network in record.networks)
