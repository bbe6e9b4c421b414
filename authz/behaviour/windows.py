"""Sliding windows: calls, sums, different values. An event counts while it is younger than the window."""

import math
from array import array
from collections.abc import Mapping
from typing import Final

from authz.behaviour.times import SLACK, Row, instants, row, trim, union
from authz.behaviour.values import BILLION, INFINITE, Digest, argument, billionths, span
from authz.behaviour.watcher import MOST_VALUES, Saved, Watcher
from authz.core.app import Access
from authz.core.call import Call
from authz.core.history import Outcome
from authz.core.rule import Calls, Distinct, Egress, Rule, Sum

LEAST_KEPT: Final = 1024
"""Events kept even when the maximum is small, so that a maximum may be raised without a gap."""
MOST_AMOUNTS: Final = 100_000
"""Amounts kept one by one; above it the oldest two become one that lives as long as the younger."""


def kept(maximum: float) -> int:
    """How many of the newest events tell exactly whether `maximum` is passed, and some to spare."""
    return LEAST_KEPT if not math.isfinite(maximum) else max(LEAST_KEPT, 2 * int(maximum) + 2)


class CallsWatcher(Watcher[Row]):
    """Calls let through within the window."""

    __slots__ = ("most", "per")

    def __init__(self, rule: Rule, watch: Calls, index: int, digest: Digest) -> None:
        super().__init__(rule, index, digest)
        self.per = span(watch.per)
        self.most = kept(rule.maximum)

    @property
    def horizon(self) -> int:
        """The window."""
        return self.per

    def fresh(self) -> Row:
        """No call."""
        return row()

    def figure(self, state: Row, now: int, value: float) -> float:
        """Calls in the window, this one included."""
        del value
        head, size, edge = state[0], len(state), now - self.per
        while head < size and state[head] <= edge:
            head += 1
        state[0] = head
        return size - head + 1

    def take(self, state: Row, now: int, value: float) -> float:
        """One more."""
        state.append(now)
        head = state[0]
        if head > SLACK or len(state) - head > self.most:
            trim(state, self.most)
        return value

    def merge(self, one: Row, other: Row) -> Row:
        """All calls of both."""
        return union(one, other)

    def save(self, state: Row) -> Saved:
        """The instants."""
        return instants(state)

    def load(self, saved: Saved) -> Row:
        """The instants again."""
        return row([int(one) for one in saved if not isinstance(one, list | str)])


class Amounts:
    """Amounts in whole billionths and their instants: the total never drifts."""

    __slots__ = ("amounts", "times", "total")

    def __init__(self) -> None:
        self.times = row()
        self.amounts: array[float] = array("d", [0.0])
        self.total = 0

    def living(self, edge: int) -> int:
        """The total of what is younger than `edge`."""
        times = self.times
        head = times[0]
        while head < len(times) and times[head] <= edge:
            self.total -= int(self.amounts[head])
            head += 1
        times[0] = head
        return self.total

    def add(self, now: int, value: float) -> None:
        """Add an amount; what is too much to remember one by one is remembered for longer, never less."""
        self.times.append(now)
        self.amounts.append(value)
        self.total += int(value)
        head = self.times[0]
        if len(self.times) - head > MOST_AMOUNTS:
            self.amounts[head + 1] += self.amounts[head]
            self.times[0] = head = head + 1
        if head > LEAST_KEPT and head * 2 > len(self.times):
            del self.times[1:head], self.amounts[1:head]
            self.times[0] = 1

    def pairs(self) -> list[tuple[int, float]]:
        """The living part."""
        head = self.times[0]
        return list(zip(self.times[head:], self.amounts[head:], strict=True))

    @classmethod
    def of(cls, pairs: list[tuple[int, float]]) -> "Amounts":
        """These amounts."""
        new = cls()
        for now, value in sorted(pairs):
            new.add(now, value)
        return new


class SumWatcher(Watcher[Amounts]):
    """The sum of an argument over the window."""

    __slots__ = ("argument", "per", "reads_lack")

    def __init__(self, rule: Rule, watch: Sum | Egress, index: int, digest: Digest) -> None:
        super().__init__(rule, index, digest)
        self.per = span(watch.per)
        self.reads_lack = isinstance(watch, Sum) and watch.reads_lack
        self.argument = argument(watch.argument if isinstance(watch, Sum) else "target")

    @property
    def horizon(self) -> int:
        """The window."""
        return self.per

    def of(self, call: Call) -> float | None:
        """The absolute amount in billionths, infinite where there is no number."""
        value = self.argument(call)
        tool = call.action.tool
        if value is None and self.reads_lack and tool is not None and tool.access is Access.READ:
            return None
        return billionths(value)

    def fresh(self) -> Amounts:
        """Nothing."""
        return Amounts()

    def figure(self, state: Amounts, now: int, value: float) -> float:
        """The total, this call included."""
        total = state.living(now - self.per)
        return INFINITE if value == INFINITE else (total + int(value)) / BILLION

    def take(self, state: Amounts, now: int, value: float) -> float:
        """Add the amount. What is no number was let through by a flag or by shadow and adds nothing."""
        if value == INFINITE:
            return 0
        state.add(now, value)
        return value

    def merge(self, one: Amounts, other: Amounts) -> Amounts:
        """All amounts of both."""
        return Amounts.of(one.pairs() + other.pairs())

    def save(self, state: Amounts) -> Saved:
        """Instants and amounts, in turn."""
        return [number for pair in state.pairs() for number in pair]

    def load(self, saved: Saved) -> Amounts:
        """Instants and amounts again."""
        flat = [one for one in saved if not isinstance(one, list | str)]
        return Amounts.of([(int(at), value) for at, value in zip(flat[::2], flat[1::2], strict=True)])


class EgressWatcher(SumWatcher):
    """What answers carried out over the window: known when a call has ended, so the next is judged by it."""

    __slots__ = ("records",)

    ends = True

    def __init__(self, rule: Rule, watch: Egress, index: int, digest: Digest) -> None:
        super().__init__(rule, watch, index, digest)
        self.records = watch.unit == "records"

    def of(self, _call: Call) -> float | None:
        """Nothing is known yet."""
        return 0

    def take(self, state: Amounts, now: int, value: float) -> float:
        """Nothing yet."""
        del state, now
        return value

    def end(self, state: Amounts, began: int, took: float, now: int, outcome: Outcome) -> None:
        """What the answer carried."""
        del began, took
        state.add(now, float(outcome.records if self.records else outcome.sent) * BILLION)


class DistinctWatcher(Watcher[dict[int, int]]):
    """Different values of an argument over the window: digest → last instant, the least recent first.

    Exact for a maximum up to 10,000. Above it only a fixed share of all possible values is remembered, about
    10,000 of them at the maximum; the figure is the estimate plus three standard errors (3 %), so that it
    errs towards denial.
    """

    __slots__ = ("argument", "below", "most", "per", "share")

    def __init__(self, rule: Rule, watch: Distinct, index: int, digest: Digest) -> None:
        super().__init__(rule, index, digest)
        self.per = span(watch.per)
        self.argument = argument(watch.argument)
        finite = rule.maximum if math.isfinite(rule.maximum) else MOST_VALUES
        self.share = max(1.0, finite / MOST_VALUES)
        self.below = int((1 << 52) / self.share)
        self.most = kept(min(finite, MOST_VALUES))

    @property
    def horizon(self) -> int:
        """The window."""
        return self.per

    def of(self, call: Call) -> float | None:
        """The value's digest."""
        value = self.argument(call)
        return None if value is None else self.digest.value(value)

    def fresh(self) -> dict[int, int]:
        """No value."""
        return {}

    def figure(self, state: dict[int, int], now: int, value: float) -> float:
        """Different values in the window, this one included."""
        forget(state, now - self.per)
        count = len(state) + (value < self.below and value not in state)
        if self.share == 1.0:
            return count
        return math.ceil((count + 3 * math.sqrt(count)) * self.share)

    def take(self, state: dict[int, int], now: int, value: float) -> float:
        """Seen now."""
        if value < self.below:
            state.pop(int(value), None)
            state[int(value)] = now
            if len(state) > self.most:
                del state[next(iter(state))]
        return value

    def merge(self, one: dict[int, int], other: dict[int, int]) -> dict[int, int]:
        """The later instant of each value."""
        return latest(one, other)

    def save(self, state: dict[int, int]) -> Saved:
        """Digests and instants, in turn."""
        return [number for pair in state.items() for number in pair]

    def load(self, saved: Saved) -> dict[int, int]:
        """Digests and instants again."""
        return values(saved)


def forget(state: dict[int, int], edge: int) -> None:
    """Drop the values at the front that are not younger than `edge`."""
    if not state or state[next(iter(state))] > edge:
        return
    found = []
    for value, at in state.items():
        if at > edge:
            break
        found.append(value)
    for value in found:
        del state[value]


def latest(one: Mapping[int, int], other: Mapping[int, int]) -> dict[int, int]:
    """The later instant of each value, the least recent first."""
    both = dict(one)
    for value, at in other.items():
        both[value] = max(at, both.get(value, at))
    return dict(sorted(both.items(), key=lambda pair: pair[1]))


def values(saved: Saved) -> dict[int, int]:
    """Digests and instants that were saved in turn."""
    flat = [int(one) for one in saved if not isinstance(one, list | str)]
    return dict(zip(flat[::2], flat[1::2], strict=True))
