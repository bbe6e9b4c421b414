"""Histories of one worker, in memory. Bounded: what no window can see any more is dropped by itself.

One event loop owns it: a step is atomic because nothing in it waits.
"""

from collections.abc import Container
from typing import Final

from authz.behaviour import NOTHING, Digest, Group, Ledger, Plan, Told, Waiting, end, fold, micros, observe
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
        self.young: dict[tuple[str, ...], Ledger] = {}
        self.old: dict[tuple[str, ...], Ledger] = {}
        self.turned = 0

    def ledger(self, group: Group, key: tuple[str, ...]) -> Ledger:
        """The ledger under `key`, now of the younger half."""
        found = self.young.get(key)
        if found is None:
            found = self.old.pop(key, None) or Ledger(group)
            self.young[key] = found
        if found.group is not group:
            found.adopt(group)
        return found

    def turn(self, now: int) -> None:
        """Drop what nothing touched for a whole horizon."""
        if now - self.turned > self.horizon:
            self.old, self.young, self.turned = self.young, {}, now


class MemoryHistories:
    """`Histories` of one process."""

    def __init__(self, key: bytes = b"") -> None:
        self._digest = Digest(key)
        self._plans: dict[str, Plan] = {}
        self._generations: dict[int, Generation] = {}
        self._waiting: dict[str, Waiting] = {}
        self._steps = 0

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
            return EMPTY
        history, waiting = observe(call, self.plan(persona), self, passes=passes, waived=waived)
        if waiting and decision:
            self._wait(decision, waiting)
        self._steps += 1
        if not self._steps % TURN:
            now = micros(call.at)
            for generation in self._generations.values():
                generation.turn(now)
        return history

    def outcome(self, outcome: Outcome) -> None:
        """Count how a call ended."""
        waiting = self._waiting.pop(outcome.decision, None)
        if waiting is not None:
            end(waiting, outcome)

    def fold(self, persona: Persona, told: Told) -> None:
        """Take in again, from the trail, what a call added to each rule."""
        waiting = fold(self.plan(persona), self, told)
        if waiting and told.decision:
            self._wait(told.decision, waiting)

    def plan(self, persona: Persona) -> Plan:
        """The persona's rules, made ready; made again when the persona was compiled anew."""
        plan = self._plans.get(persona.name)
        if plan is None or plan.persona is not persona:
            plan = self._plans[persona.name] = Plan(persona, self._digest)
        return plan

    def ledger(self, group: Group, caller: Caller) -> Ledger:
        """The ledger of this caller."""
        generation = self._generations.get(group.horizon)
        if generation is None:
            generation = self._generations[group.horizon] = Generation(group.horizon)
        return generation.ledger(group, group.key(caller))

    def _wait(self, decision: str, waiting: Waiting) -> None:
        self._waiting[decision] = waiting
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
