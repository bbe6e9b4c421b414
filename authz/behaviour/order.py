"""What must or must not come before: sequences, and things used for the first time."""

from authz.behaviour.values import Digest, argument, span
from authz.behaviour.watcher import JUDGES, MOST_VALUES, TAKES, Saved, Watcher
from authz.behaviour.windows import forget, latest, values
from authz.core.call import Call
from authz.core.history import Outcome
from authz.core.rule import FirstUse, Rule, Sequence

ANYWHERE = 0
"""Stands for every target: where targets are not told apart, and for those too many to remember."""


class SequenceWatcher(Watcher[dict[int, int]]):
    """After X deny Y, or require X before Y: target's digest → when X last came, the least recent first."""

    __slots__ = ("after", "outcomes", "require", "same_target", "then", "within")

    ends = True

    def __init__(self, rule: Rule, watch: Sequence, index: int, digest: Digest) -> None:
        super().__init__(rule, index, digest)
        self.after = watch.after
        self.then = watch.then
        self.within = span(watch.within)
        self.require = watch.require
        self.same_target = watch.same_target
        self.outcomes = watch.after.outcomes

    @property
    def horizon(self) -> int:
        """How long X counts."""
        return self.within

    def role(self, call: Call) -> int:
        """Judges Y, takes X."""
        judges = self.rule.selector.matches(call) and self.then.matches(call)
        return (JUDGES if judges else 0) | (TAKES if self.after.matches(call) else 0)

    def of(self, call: Call) -> float | None:
        """The target's digest where targets are told apart."""
        target = call.action.target
        if not self.same_target:
            return ANYWHERE
        if target is None:
            # Nothing is known to be the same: only a rule that requires X can object.
            return -1
        return 1 + self.digest.within(call.action.app, target)

    def fresh(self) -> dict[int, int]:
        """X never came."""
        return {}

    def figure(self, state: dict[int, int], now: int, value: float) -> float:
        """1 when the call is out of order."""
        edge = now - self.within
        came = state.get(int(value), edge) > edge
        if self.require:
            return 0 if came else 1
        return 1 if came or state.get(ANYWHERE, edge) > edge else 0

    def take(self, state: dict[int, int], now: int, value: float) -> float:
        """X came, unless only its outcome will tell."""
        if self.outcomes is None:
            self._arm(state, now, int(value))
        return value

    def end(self, state: dict[int, int], began: int, took: float, now: int, outcome: Outcome) -> None:
        """X came, if X is a call that ended like this."""
        del began
        if self.outcomes is not None and outcome.outcome in self.outcomes:
            self._arm(state, now, int(took))

    def _arm(self, state: dict[int, int], now: int, value: int) -> None:
        if value < 0:
            return
        state.pop(value, None)
        state[value] = now
        if len(state) > MOST_VALUES:
            forget(state, now - self.within)
        if len(state) > MOST_VALUES:
            oldest = next(one for one in state if one != ANYWHERE)
            at = state.pop(oldest)
            if not self.require:
                state[ANYWHERE] = max(at, state.get(ANYWHERE, at))

    def merge(self, one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
        """X came when either saw it last."""
        return latest(one, other)

    def save(self, state: dict[int, int]) -> Saved:
        """Digests and instants, in turn."""
        return [number for pair in state.items() for number in pair]

    def load(self, saved: Saved) -> dict[int, int]:
        """Digests and instants again."""
        return values(saved)


class FirstUseWatcher(Watcher[dict[int, int]]):
    """1 for a value that was not let through before: digest → when it last was, the least recent first."""

    __slots__ = ("argument", "remember")

    def __init__(self, rule: Rule, watch: FirstUse, index: int, digest: Digest) -> None:
        super().__init__(rule, index, digest)
        self.argument = argument(watch.argument)
        self.remember = span(watch.remember)

    @property
    def horizon(self) -> int:
        """How long a use is remembered."""
        return self.remember

    def of(self, call: Call) -> float | None:
        """The value's digest."""
        value = self.argument(call)
        return None if value is None else self.digest.value(value)

    def fresh(self) -> dict[int, int]:
        """Nothing was used."""
        return {}

    def figure(self, state: dict[int, int], now: int, value: float) -> float:
        """1 for the first use."""
        edge = now - self.remember
        return 0 if state.get(int(value), edge) > edge else 1

    def take(self, state: dict[int, int], now: int, value: float) -> float:
        """Used now."""
        state.pop(int(value), None)
        state[int(value)] = now
        if len(state) > MOST_VALUES:
            del state[next(iter(state))]
        return value

    def merge(self, one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
        """Used when either saw it last."""
        return latest(one, other)

    def save(self, state: dict[int, int]) -> Saved:
        """Digests and instants, in turn."""
        return [number for pair in state.items() for number in pair]

    def load(self, saved: Saved) -> dict[int, int]:
        """Digests and instants again."""
        return values(saved)
