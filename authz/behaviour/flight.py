"""Calls under way at the same time. One that never reports its end counts until its lease is over."""

from authz.behaviour.times import Row, add, instants, living, row, union
from authz.behaviour.values import Digest, span
from authz.behaviour.watcher import Saved, Watcher
from authz.behaviour.windows import kept
from authz.core.history import Outcome
from authz.core.rule import Concurrency, Rule


class ConcurrencyWatcher(Watcher[Row]):
    """The instants at which calls began that have not ended."""

    __slots__ = ("lease", "most")

    ends = True

    def __init__(self, rule: Rule, watch: Concurrency, index: int, digest: Digest) -> None:
        super().__init__(rule, index, digest)
        self.lease = span(watch.lease)
        self.most = kept(rule.maximum)

    @property
    def horizon(self) -> int:
        """The lease."""
        return self.lease

    def fresh(self) -> Row:
        """Nothing under way."""
        return row()

    def figure(self, state: Row, now: int, value: float) -> float:
        """Calls under way, this one included."""
        del value
        return living(state, now - self.lease) + 1

    def take(self, state: Row, now: int, value: float) -> float:
        """Begun."""
        add(state, now, self.most)
        return value

    def end(self, state: Row, began: int, took: float, now: int, outcome: Outcome) -> None:
        """Ended: one that began then is no longer under way."""
        del took, now, outcome
        for place in range(len(state) - 1, state[0] - 1, -1):
            if state[place] == began:
                del state[place]
                return

    def merge(self, one: Row, other: Row) -> Row:
        """All of both."""
        return union(one, other)

    def save(self, state: Row) -> Saved:
        """The instants."""
        return instants(state)

    def load(self, saved: Saved) -> Row:
        """The instants again."""
        return row([int(one) for one in saved if not isinstance(one, list | str)])
