"""The session of a caller: a run of calls less than `idle` apart, whatever the protocol calls a session."""

from array import array
from typing import Final

from authz.behaviour.times import Row
from authz.behaviour.values import MICROS, Digest, span
from authz.behaviour.watcher import Saved, Watcher
from authz.core.rule import Rule, SessionCalls, SessionLength

RUNS: Final = 16
"""Past runs kept, so that the histories of two workers still join into the runs that one would have seen."""


class RunWatcher(Watcher[Row]):
    """Runs as a flat row: start, last call and number of calls of each, the present one at the end."""

    __slots__ = ("idle", "length")

    def __init__(self, rule: Rule, watch: SessionCalls | SessionLength, index: int, digest: Digest) -> None:
        super().__init__(rule, index, digest)
        self.idle = span(watch.idle)
        self.length = isinstance(watch, SessionLength)

    @property
    def horizon(self) -> int:
        """After `idle` without a call the next one begins a new run."""
        return self.idle

    def fresh(self) -> Row:
        """No run."""
        return array("q")

    def figure(self, state: Row, now: int, value: float) -> float:
        """Calls of the run, this one included; or the seconds since it began."""
        del value
        goes_on = bool(state) and now - state[-2] < self.idle
        if self.length:
            return (now - state[-3]) / MICROS if goes_on else 0
        return state[-1] + 1 if goes_on else 1

    def take(self, state: Row, now: int, value: float) -> float:
        """One more call of the run, or the first of a new one."""
        if state and now - state[-2] < self.idle:
            state[-2] = now
            state[-1] += 1
        else:
            state.extend((now, now, 1))
            del state[: -3 * RUNS]
        return value

    def merge(self, one: Row, other: Row) -> Row:
        """The runs of both, joined where less than `idle` lies between them."""
        joined = self.fresh()
        runs = sorted(zip(*(r for i in range(3) for r in ([*one[i::3], *other[i::3]],)), strict=True))
        for start, last, calls in runs:
            if joined and start - joined[-2] < self.idle:
                joined[-2] = max(last, joined[-2])
                joined[-1] += calls
            else:
                joined.extend((start, last, calls))
        return joined[-3 * RUNS :]

    def save(self, state: Row) -> Saved:
        """The row."""
        return state.tolist()

    def load(self, saved: Saved) -> Row:
        """The row again."""
        return array("q", [int(one) for one in saved if not isinstance(one, list | str)])
