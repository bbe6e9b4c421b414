"""One atomic step for one call: the figures of all rules, then the reservation if nothing objects.

What counts, and when: a call consumes limits and session, and arms sequences, only if it is let through
(flagged and shadowed included). Repeats, probes and pace count every call of a proven caller. Session methods
count nothing. No I/O and no clock.
"""

from collections.abc import Container, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from authz.behaviour.plan import AnyWatcher, Group, Plan, Role, ScopeKey
from authz.behaviour.values import micros
from authz.behaviour.watcher import Saved
from authz.core.call import Call, Caller, Kind
from authz.core.history import EMPTY, History, Outcome

NOTHING: Container[str] = frozenset()


class Ledger:
    """What is known of one group of rules for those who share its count."""

    __slots__ = ("group", "key", "latest", "states")

    def __init__(self, group: Group, key: ScopeKey) -> None:
        self.group = group
        self.key = key
        self.states: list[object] = [None] * len(group.watchers)
        self.latest = 0
        """The latest instant seen: time that goes back is taken for this one, so that it widens nothing."""

    def at(self, now: int) -> int:
        """The instant to judge by."""
        latest = self.latest
        if now <= latest:
            return latest
        self.latest = now
        return now

    def adopt(self, group: Group) -> None:
        """Go on under rules that were compiled anew: what still counts the same thing keeps its state."""
        kept = dict(zip(self.group.names, self.states, strict=True))
        self.states = [kept.get(one) for one in group.names]
        self.group = group

    def state(self, watcher: AnyWatcher, slot: int) -> object:
        """The state of a watcher."""
        state = self.states[slot]
        if state is None:
            state = self.states[slot] = watcher.fresh()
        return state


class Ledgers(Protocol):
    """Where ledgers are kept."""

    def ledger(self, group: Group, caller: Caller) -> Ledger:
        """The ledger of this caller; a new one is kept."""
        ...


Waiting: TypeAlias = "list[tuple[Ledger, AnyWatcher, float, int]]"
"""What wants to know how a call ends: ledger, watcher, what it took, when the call began."""


Step: TypeAlias = "tuple[Role, object, float]"
"""A call about to be taken in: role, state, value."""
Weighed: TypeAlias = "list[tuple[Ledger, int, list[Step]]]"
"""By ledger, the instant to judge by and what may be taken in."""


def counts(call: Call, plan: Plan) -> bool:
    """Whether any rule could be about such a call."""
    kind = call.action.kind  # compared by identity: an enumeration hashes in Python
    return bool(plan.watchers) and kind is not Kind.SESSION and kind is not Kind.ANSWER


def observe(
    call: Call, plan: Plan, ledgers: Ledgers, *, passes: bool, waived: Container[str] = NOTHING
) -> tuple[History, Waiting]:
    """Judge `call` and count it, in one step.

    `passes` says whether the first three layers let it through (in shadow: whether they would, all waived).
    A rule whose name is in `waived` was answered by a person: it gives no figure, and counts all the same.
    """
    if not counts(call, plan):
        return EMPTY, []
    figures = plan.none.copy()
    weighed, quiet = _weigh(call, plan, ledgers, waived, figures)
    free = passes and (quiet or plan.shadow) and plan.open(call, waived)
    took = plan.none.copy()
    waiting: Waiting = []
    for ledger, at, steps in weighed:
        for role, state, value in steps:
            if free or role.always:
                taken = took[role.place] = role.take(state, at, value)
                if role.ends and free:
                    waiting.append((ledger, role.watcher, taken, at))
    return History(figures=tuple(figures), took=tuple(took), waived=waived), waiting


def _weigh(
    call: Call, plan: Plan, ledgers: Ledgers, waived: Container[str], figures: list[float | None]
) -> tuple[Weighed, bool]:
    """Fill in the figures; what may be taken in, and whether no rule that refuses objects."""
    now = micros(call.at)
    quiet = True
    weighed: Weighed = []
    for group in plan.groups:
        roles = group.roles(call)
        if not roles:
            continue
        ledger = ledgers.ledger(group, call.caller)
        at = ledger.at(now)
        states = ledger.states
        steps: list[Step] = []
        for role in roles:
            watcher, slot, place, judges, takes, _, _, ceiling, of, weigh, _, _ = role
            value = 1 if of is None else of(call)
            if value is None:
                continue
            state = states[slot]
            if state is None:
                state = states[slot] = watcher.fresh()
            if judges and (waived is NOTHING or watcher.rule.name not in waived):
                figure = figures[place] = weigh(state, at, value)
                # `not <=`, as in the core: what is no number is above every maximum.
                if not figure <= ceiling:
                    quiet = False
            if takes:
                steps.append((role, state, value))
        weighed.append((ledger, at, steps))
    return weighed, quiet


def end(waiting: Waiting, outcome: Outcome) -> None:
    """Tell the rules that wanted to know how their call ended."""
    now = micros(outcome.at)
    for ledger, watcher, taken, began in waiting:
        slot = _slot(ledger, watcher)
        if slot is not None:
            watcher.end(ledger.state(watcher, slot), began, taken, ledger.at(now), outcome)


def _slot(ledger: Ledger, watcher: AnyWatcher) -> int | None:
    """Where the watcher's state is; the rules may have been compiled anew since the call."""
    for slot, one in enumerate(ledger.group.watchers):
        if one.rule.name == watcher.rule.name and type(one) is type(watcher):
            return slot
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the trail tells of one call that was judged."""

    at: int
    """Microseconds."""
    caller: Caller
    took: Mapping[str, float]
    """By rule, what the call added."""
    passed: bool
    """Whether it was let through."""
    decision: str
    """The decision's id."""


def fold(plan: Plan, ledgers: Ledgers, told: Told) -> None:
    """Take in again, from the trail, what a call added to each rule."""
    for ledger, slot, watcher, taken in _told(plan, ledgers, told):
        watcher.fold(ledger.state(watcher, slot), ledger.at(told.at), taken)


def waits(plan: Plan, ledgers: Ledgers, told: Told) -> Waiting:
    """What wants to know how the call ends."""
    if not told.passed:
        return []
    return [
        (ledger, watcher, taken, told.at)
        for ledger, _, watcher, taken in _told(plan, ledgers, told)
        if watcher.ends
    ]


def _told(plan: Plan, ledgers: Ledgers, told: Told) -> Iterator[tuple[Ledger, int, AnyWatcher, float]]:
    for group in plan.groups:
        for slot, watcher in enumerate(group.watchers):
            taken = told.took.get(watcher.rule.name)
            if taken is not None:
                yield ledgers.ledger(group, told.caller), slot, watcher, taken


def merge(one: MutableMapping[ScopeKey, Ledger], other: Mapping[ScopeKey, Ledger]) -> None:
    """Take into `one` what another worker saw."""
    for key, theirs in other.items():
        ours = one.get(key)
        if ours is None:
            one[key] = theirs
            continue
        theirs.adopt(ours.group)
        ours.latest = max(ours.latest, theirs.latest)
        for slot, watcher in enumerate(ours.group.watchers):
            state = theirs.states[slot]
            if state is not None:
                mine = ours.states[slot]
                ours.states[slot] = state if mine is None else watcher.merge(mine, state)


def save(ledger: Ledger) -> dict[str, Saved]:
    """The states as JSON, by the name they are kept under."""
    return {
        name: watcher.save(state)
        for name, watcher, state in zip(ledger.group.names, ledger.group.watchers, ledger.states, strict=True)
        if state is not None
    }


def load(ledger: Ledger, saved: Mapping[str, Saved], latest: int) -> None:
    """The states that were saved, for the rules that still count the same."""
    ledger.latest = latest
    for slot, name in enumerate(ledger.group.names):
        if name in saved:
            ledger.states[slot] = ledger.group.watchers[slot].load(saved[name])
