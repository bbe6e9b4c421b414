"""What every kind of rule can do: judge a call, take it in, learn how it ended, merge, be saved.

States are plain and mutable, owned by a store; a watcher owns the rule and no state. Nothing reads a clock.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Generic, TypeAlias, TypeVar

from authz.behaviour.values import Digest
from authz.core.call import Call
from authz.core.history import Outcome
from authz.core.rule import Drift, Rule

State = TypeVar("State")
Saved: TypeAlias = "list[int] | list[list[int]] | Mapping[str, list[int]] | list[float]"

JUDGES = 1
"""The rule has a figure for such a call."""
TAKES = 2
"""Such a call changes the rule's state, now or when it ends."""

MOST_VALUES = 10_000
"""Values that a rule remembers one by one; above it each rule says how it errs, always towards denial."""


class Watcher(ABC, Generic[State]):
    """One rule at work. `index` is the rule's place in the persona."""

    __slots__ = ("blocks", "digest", "index", "maximum", "rule")

    always: ClassVar[bool] = False
    """Whether calls that are refused count, too."""
    ends: ClassVar[bool] = False
    """Whether the rule wants to know how a call ended."""

    def __init__(self, rule: Rule, index: int, digest: Digest) -> None:
        self.rule = rule
        self.index = index
        self.digest = digest
        self.maximum = rule.maximum
        self.blocks = rule.on_drift is not Drift.FLAG

    @property
    @abstractmethod
    def horizon(self) -> int:
        """Microseconds after which a state that nothing touched says the same as a fresh one."""

    def role(self, call: Call) -> int:
        """`JUDGES` and `TAKES` for calls like this one, as far as its tool and classes tell."""
        return JUDGES | TAKES if self.rule.selector.matches(call) else 0

    def of(self, _call: Call) -> float | None:
        """What the rule looks at, as a number; None when the call has no such thing."""
        return 1

    @abstractmethod
    def fresh(self) -> State:
        """The state of a caller that did nothing yet."""

    @abstractmethod
    def figure(self, state: State, now: int, value: float) -> float:
        """The rule's figure if this call passes."""

    @abstractmethod
    def take(self, state: State, now: int, value: float) -> float:
        """Take the call in; what is to be known of it later: `fold` and `end` get this instead of `value`."""

    def fold(self, state: State, now: int, took: float) -> None:
        """Take in again what the trail says was taken."""
        self.take(state, now, took)

    def end(self, state: State, began: int, took: float, now: int, outcome: Outcome) -> None:
        """Learn at `now` how a call that began at `began` has ended."""

    @abstractmethod
    def merge(self, one: State, other: State) -> State:
        """The state of one that saw what both saw."""

    @abstractmethod
    def save(self, state: State) -> Saved:
        """The state as JSON."""

    @abstractmethod
    def load(self, saved: Saved) -> State:
        """The state that was saved."""
