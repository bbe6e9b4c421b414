"""Histories of one worker, in memory. Bounded: what no window can see any more is dropped by itself.

One event loop owns it: a step is atomic because nothing in it waits.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Final

from authz.behaviour import (
    NOTHING,
    Digest,
    Group,
    Ledger,
    Plan,
    Saved,
    ScopeKey,
    Told,
    Waiting,
    end,
    fold,
    load,
    micros,
    observe,
    save,
    waits,
)
from authz.core.call import Call, Caller
from authz.core.history import EMPTY, History, Outcome
from authz.core.persona import Persona

MOST_WAITING: Final = 100_000
"""Calls whose outcome may still come; of more, the oldest is no longer waited for."""
TURN: Final = 1024
"""Calls after which it is looked whether ledgers may be dropped."""


class Generation:
    """Ledgers that matter for the same time: in two halves; the older is dropped when none can matter."""

    __slots__ = ("horizon", "old", "turned", "young")

    def __init__(self, horizon: int) -> None:
        self.horizon = horizon
        self.young: dict[ScopeKey, Ledger] = {}
        self.old: dict[ScopeKey, Ledger] = {}
        self.turned = 0

    def ledger(self, group: Group, key: ScopeKey) -> Ledger:
        """The ledger under `key`, now of the younger half."""
        found = self.young.get(key)
        if found is None:
            found = self.old.pop(key, None) or Ledger(group, key)
            self.young[key] = found
        if found.group is not group:
            found.adopt(group)
        return found

    def turn(self, now: int) -> None:
        """Drop what nothing touched for a whole horizon."""
        if now - self.turned > self.horizon:
            self.old, self.young, self.turned = self.young, {}, now

    def living(self, now: int) -> list[Ledger]:
        """The ledgers that still matter."""
        both = (*self.old.values(), *self.young.values())
        return [one for one in both if now - one.latest <= self.horizon]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """All that a process knew, for a snapshot."""

    ledgers: Mapping[ScopeKey, tuple[int, Mapping[str, Saved]]] = field(default_factory=dict)
    """By scope, the latest instant and the state of each rule."""
    waiting: tuple[tuple[str, Told], ...] = ()
    """Persona and call, for those whose outcome may still come."""


class MemoryHistories:
    """`Histories` of one process."""

    def __init__(self, key: bytes = b"", kept: Kept | None = None) -> None:
        self._digest = Digest(key)
        self._plans: dict[str, Plan] = {}
        self._generations: dict[int, Generation] = {}
        self._waiting: dict[str, tuple[str, Caller, Waiting]] = {}
        self._steps = 0
        self._unread = dict(kept.ledgers) if kept is not None else {}

    def observe(
        self,
        call: Call,
        persona: Persona,
        passes: bool,  # noqa: FBT001 - the interface that the other rooms were given
        *,
        decision: str = "",
        waived: Container[str] = NOTHING,
    ) -> History:
        """Judge and count one call."""
        if not persona.rules:
            return EMPTY if waived is NOTHING else History(waived=waived)
        history, waiting = observe(call, self.plan(persona), self, passes=passes, waived=waived)
        if waiting and decision:
            self._wait(decision, persona.name, call.caller, waiting)
        self._steps += 1
        if not self._steps % TURN:
            now = micros(call.at)
            for generation in self._generations.values():
                generation.turn(now)
        return history

    def outcome(self, outcome: Outcome) -> None:
        """Count how a call ended."""
        found = self._waiting.pop(outcome.decision, None)
        if found is not None:
            end(found[2], outcome)

    def fold(self, persona: Persona, told: Told) -> None:
        """Take in again, from the trail, what a call added to each rule."""
        fold(self.plan(persona), self, told)
        self.wait(persona, told)

    def wait(self, persona: Persona, told: Told) -> None:
        """Wait again for the outcome of a call."""
        waiting = waits(self.plan(persona), self, told)
        if waiting:
            self._wait(told.decision, persona.name, told.caller, waiting)

    def plan(self, persona: Persona) -> Plan:
        """The persona's rules, made ready; made again when the persona was compiled anew."""
        plan = self._plans.get(persona.name)
        if plan is None or plan.persona is not persona:
            plan = self._plans[persona.name] = Plan(persona, self._digest)
        return plan

    def ledger(self, group: Group, caller: Caller) -> Ledger:
        """The ledger of this caller."""
        key = group.key(caller)
        generation = self._generations.get(group.horizon)
        if generation is None:
            generation = self._generations[group.horizon] = Generation(group.horizon)
        found = generation.young.get(key)
        if found is not None and found.group is group:
            return found
        found = generation.ledger(group, key)
        if self._unread and key in self._unread:
            latest, states = self._unread.pop(key)
            load(found, states, latest)
        return found

    def keep(self, now: int) -> Kept:
        """All that still matters at `now`."""
        ledgers = dict(self._unread)
        for generation in self._generations.values():
            for one in generation.living(now):
                ledgers[one.key] = one.latest, save(one)
        waiting = tuple(
            (persona, _told_again(decision, caller, those))
            for decision, (persona, caller, those) in self._waiting.items()
        )
        return Kept(ledgers=ledgers, waiting=waiting)

    def _wait(self, decision: str, persona: str, caller: Caller, waiting: Waiting) -> None:
        self._waiting[decision] = persona, caller, waiting
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]


def _told_again(decision: str, caller: Caller, waiting: Waiting) -> Told:
    took = {watcher.rule.name: taken for _, watcher, taken, _ in waiting}
    return Told(at=waiting[0][3], caller=caller, took=took, passed=True, decision=decision)
