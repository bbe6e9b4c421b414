"""What counts whether it was let through or not: the same call again, probes, machine-like pace."""

from array import array
from collections.abc import Mapping
from typing import Final

from authz.behaviour.times import Row, add, instants, living, row, union
from authz.behaviour.values import Digest, canonical, span
from authz.behaviour.watcher import MOST_VALUES, Saved, Watcher
from authz.behaviour.windows import kept
from authz.core.arguments import steps_of
from authz.core.call import Call, Json
from authz.core.history import Outcome
from authz.core.rule import Pace, Probes, Repeats, Rule

SHARED: Final = 4096
"""Places that values share once there are more than can be remembered one by one: counts only grow by it."""


class Seen:
    """The instants of equal calls: by digest, and by place where digests share one."""

    __slots__ = ("exact", "shared")

    def __init__(self, exact: "dict[float, Row] | None" = None) -> None:
        self.exact: dict[float, Row] = {} if exact is None else exact
        """The least recent first."""
        self.shared: dict[float, Row] = {}
        """Only once there are too many to remember one by one: counts are too high then, never too low."""


class RepeatsWatcher(Watcher[Seen]):
    """The same app, tool and arguments within the window."""

    __slots__ = ("ignore", "most", "per")

    always = True

    def __init__(self, rule: Rule, watch: Repeats, index: int, digest: Digest) -> None:
        super().__init__(rule, index, digest)
        self.per = span(watch.per)
        self.ignore = tuple(steps for one in sorted(watch.ignore) if (steps := steps_of(one)))
        self.most = max(16, 2 * int(rule.maximum) + 2)

    @property
    def horizon(self) -> int:
        """The window."""
        return self.per

    def of(self, call: Call) -> float | None:
        """The digest of app, tool and arguments."""
        action = call.action
        args = action.args
        for steps in self.ignore:
            args = _without(args, steps)
        return self.digest(canonical(args)) ^ self.digest.tool(action.app, action.name)

    def fresh(self) -> Seen:
        """No call."""
        return Seen()

    def figure(self, state: Seen, now: int, value: float) -> float:
        """Such calls in the window, this one included."""
        edge = now - self.per
        exact = state.exact
        for times in exact.values():
            if times[-1] <= edge:
                for silent in _silent(exact, edge):
                    del exact[silent]
            break
        known = exact.get(value)
        count = 1 if known is None else living(known, edge) + 1
        if state.shared:
            known = state.shared.get(value % SHARED)
            count += 0 if known is None else living(known, edge)
        return count

    def take(self, state: Seen, now: int, value: float) -> float:
        """One more."""
        times = state.exact.pop(value, None)
        if times is None and len(state.exact) >= MOST_VALUES:
            add(state.shared.setdefault(value % SHARED, row()), now, self.most)
            return value
        if times is None:
            times = row()
        add(times, now, self.most)
        state.exact[value] = times
        return value

    def merge(self, one: Seen, other: Seen) -> Seen:
        """All calls of both."""
        both = Seen(joined(one.exact, other.exact))
        both.shared = joined(one.shared, other.shared)
        return both

    def save(self, state: Seen) -> Saved:
        """Instants by digest, shared places with a mark."""
        exact = {str(int(value)): instants(times) for value, times in state.exact.items()}
        return {**exact, **{f"shared {int(place)}": instants(times) for place, times in state.shared.items()}}

    def load(self, saved: Saved) -> Seen:
        """Instants by digest again."""
        pairs = dict(saved) if isinstance(saved, Mapping) else {}
        state = Seen({int(value): row(times) for value, times in pairs.items() if value.isdigit()})
        state.shared = {int(v.split()[1]): row(times) for v, times in pairs.items() if not v.isdigit()}
        return state


def _without(args: Mapping[str, Json], steps: tuple[str, ...]) -> Mapping[str, Json]:
    """The arguments without what is at the path."""
    first, rest = steps[0], steps[1:]
    inner = args.get(first)
    if first not in args or (rest and not isinstance(inner, dict)):
        return args
    left = dict(args)
    del left[first]
    if isinstance(inner, dict) and rest:
        left[first] = dict(_without(inner, rest))
    return left


def _silent(state: Mapping[float, Row], edge: int) -> list[float]:
    """The values at the front that were not seen since `edge`."""
    found = []
    for value, times in state.items():
        if times[-1] > edge:
            break
        found.append(value)
    return found


def joined(one: Mapping[float, Row], other: Mapping[float, Row]) -> dict[float, Row]:
    """All instants of both, the least recent value first."""
    both = {value: union(one.get(value, row()), other.get(value, row())) for value in {**one, **other}}
    return dict(sorted(both.items(), key=lambda pair: (pair[1][-1], pair[0])))


class Found:
    """What probing left: the instants of all probes, and those of each target that is remembered."""

    __slots__ = ("forgotten", "probes", "targets")

    def __init__(self, probes: "Row | None" = None, targets: "dict[int, Row] | None" = None) -> None:
        self.probes = row() if probes is None else probes
        self.targets: dict[int, Row] = {} if targets is None else targets
        """By digest: when it last ended so, and how many probes of it there were."""
        self.forgotten = 0
        """When the last of those ended that were too many to remember: no target is sure to be fresh."""


class ProbesWatcher(Watcher[Found]):
    """Calls that ended in a certain way, and calls to a target remembered for it.

    What `take` returns is the target's digest: 0 for no target, negative for a call that was a probe when it
    came, so that its outcome does not count it twice.
    """

    __slots__ = ("most", "outcomes", "per", "remember")

    always = True
    ends = True

    def __init__(self, rule: Rule, watch: Probes, index: int, digest: Digest) -> None:
        super().__init__(rule, index, digest)
        self.per = span(watch.per)
        self.remember = 0 if watch.remember is None else span(watch.remember)
        self.outcomes = watch.outcomes
        self.most = kept(rule.maximum)

    @property
    def horizon(self) -> int:
        """The longer of window and memory."""
        return max(self.per, self.remember)

    def of(self, call: Call) -> float | None:
        """The target's digest, never 0; 0 when the call has no target."""
        target = call.action.target
        if target is None or not self.remember:
            return 0
        return 1 + self.digest.within(call.action.app, target)

    def fresh(self) -> Found:
        """Nothing."""
        return Found()

    def _remembered(self, state: Found, now: int, value: int) -> "Row | None":
        known = state.targets.get(value)
        if known is None and not state.forgotten:
            return None
        edge = now - self.remember
        if known is None:
            return array("q", [state.forgotten, 0]) if state.forgotten > edge else None
        if known[0] <= edge:
            del state.targets[value]
            return None
        return known

    def figure(self, state: Found, now: int, value: float) -> float:
        """Probes in the window, or of this target while remembered; with this call if it is one."""
        probes = state.probes
        total = living(probes, now - self.per) if len(probes) > 1 else 0
        known = self._remembered(state, now, int(value)) if value else None
        return total if known is None else max(total, known[1]) + 1

    def take(self, state: Found, now: int, value: float) -> float:
        """A call to a remembered target is a probe."""
        known = self._remembered(state, now, int(value)) if value else None
        if known is None:
            return value
        self._probe(state, known, now)
        return -value

    def fold(self, state: Found, now: int, took: float) -> None:
        """A probe again, if it was one."""
        if took < 0:
            self._probe(state, state.targets.setdefault(int(-took), array("q", [now, 0])), now)

    def _probe(self, state: Found, known: Row, now: int) -> None:
        add(state.probes, now, self.most)
        known[1] += 1

    def end(self, state: Found, began: int, took: float, now: int, outcome: Outcome) -> None:
        """Ended badly: a probe, and remembered. Ended well: forgotten."""
        del began
        target = int(abs(took))
        if outcome.outcome in self.outcomes:
            known = state.targets.pop(target, None)
            if known is None:
                known = array("q", [now, 0])
            known[0] = now
            if took >= 0:
                self._probe(state, known, now)
            if target:
                state.targets[target] = known
                if len(state.targets) > MOST_VALUES:
                    oldest = state.targets.pop(next(iter(state.targets)))
                    state.forgotten = max(state.forgotten, oldest[0])
        elif outcome.outcome == "ok":
            state.targets.pop(target, None)

    def merge(self, one: Found, other: Found) -> Found:
        """All probes of both; a target is remembered for what either saw last."""
        targets: dict[int, Row] = {}
        for target, theirs in (*one.targets.items(), *other.targets.items()):
            ours = targets.get(target, theirs[:0])
            targets[target] = array("q", [max([theirs[0], *ours[:1]]), theirs[1] + sum(ours[1:])])
        ordered = dict(sorted(targets.items(), key=lambda pair: (pair[1][0], pair[0])))
        both = Found(union(one.probes, other.probes), ordered)
        both.forgotten = max(one.forgotten, other.forgotten)
        return both

    def save(self, state: Found) -> Saved:
        """Probes under the empty name, targets under their digests."""
        targets = {str(one): times.tolist() for one, times in state.targets.items()}
        return {"": instants(state.probes), "forgotten": [state.forgotten], **targets}

    def load(self, saved: Saved) -> Found:
        """Probes and targets again."""
        pairs = dict(saved) if isinstance(saved, Mapping) else {}
        probes = row(pairs.pop("", []))
        forgotten = pairs.pop("forgotten", [0])
        state = Found(probes, {int(one): array("q", times) for one, times in pairs.items()})
        state.forgotten = forgotten[0]
        return state


class PaceWatcher(Watcher[Row]):
    """Calls in a row at intervals within a tolerance of one period: nobody works like that, loops do."""

    __slots__ = ("longest", "most", "ratio", "shortest")

    always = True

    def __init__(self, rule: Rule, watch: Pace, index: int, digest: Digest) -> None:
        super().__init__(rule, index, digest)
        self.longest = span(watch.longest)
        self.shortest = span(watch.shortest)
        self.ratio = (1 + watch.tolerance) / (1 - watch.tolerance)
        self.most = int(rule.maximum) + 1

    @property
    def horizon(self) -> int:
        """After the longest interval the row is broken."""
        return self.longest

    def fresh(self) -> Row:
        """No call."""
        return row()

    def figure(self, state: Row, now: int, value: float) -> float:
        """Calls of the row, this one included; 0 within a burst."""
        del value
        shortest = longest = 0
        later, count = now, 1
        for place in range(len(state) - 1, state[0] - 1, -1):
            interval = later - state[place]
            if interval < self.shortest:
                return 0 if count == 1 else count
            shortest = min(shortest or interval, interval)
            longest = max(longest, interval)
            if interval > self.longest or longest > shortest * self.ratio:
                break
            later = state[place]
            count += 1
        return count

    def take(self, state: Row, now: int, value: float) -> float:
        """One more, unless it belongs to a burst."""
        if len(state) <= state[0] or now - state[-1] >= self.shortest:
            add(state, now, self.most)
        return value

    def merge(self, one: Row, other: Row) -> Row:
        """The newest calls of both, bursts taken as one."""
        both = row()
        for at in instants(union(one, other)):
            self.take(both, at, 1)
        return both

    def save(self, state: Row) -> Saved:
        """The instants."""
        return instants(state)

    def load(self, saved: Saved) -> Row:
        """The instants again."""
        return row([int(one) for one in saved if not isinstance(one, list | str)])
