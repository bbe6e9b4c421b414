"""Laws of layer 4: what no run of calls may ever show."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st

from authz.behaviour import Digest, Group, Ledger, Plan, ScopeKey, end, merge, observe
from authz.core.app import Access
from authz.core.call import Call, Caller
from authz.core.decide import conclude, judge
from authz.core.decision import Allow
from authz.core.history import History, Outcome
from authz.core.persona import Mode
from authz.core.rule import (
    Calls,
    Concurrency,
    Distinct,
    Drift,
    Egress,
    FirstUse,
    Pace,
    Probes,
    Repeats,
    Rule,
    Selector,
    SessionCalls,
    SessionLength,
    Sum,
    Watch,
)
from authz.core.rule import (
    Sequence as Order,
)
from authz.stores.histories_memory import MemoryHistories
from tests.behaviour.builders import ALICE, build_call, build_job, build_persona, build_rule

MINUTE = timedelta(minutes=1)
Step: TypeAlias = "tuple[int, str, int, str]"
EXAMPLES = settings(max_examples=300, deadline=None)
gaps = st.lists(st.integers(1, 90_000_000), max_size=60)
"""Microseconds between calls."""


def instants(found: Sequence[int]) -> list[float]:
    """Seconds, ascending."""
    total, times = 0, []
    for gap in found:
        total += gap
        times.append(total / 1_000_000)
    return times


@EXAMPLES
@given(gaps, st.integers(1, 8))
def test_a_window_never_forgets_early_nor_counts_twice(found: list[int], maximum: int) -> None:
    """Held against the plainest model: a list of all that was let through."""
    job = build_persona(build_rule(Calls(per=MINUTE), maximum))
    histories = MemoryHistories()
    passed: list[int] = []
    now = 0
    for gap, at in zip(found, instants(found), strict=True):
        now += gap
        expected = 1 + sum(1 for one in passed if now - one < 60_000_000)

        assert histories.observe(build_call(at), job, passes=True).figures[0] == expected

        if expected <= maximum:
            passed.append(now)


@EXAMPLES
@given(gaps, st.lists(st.sampled_from([0, 0.1, 0.25, 1, 99.99, -5]), min_size=60, max_size=60))
def test_a_sum_is_that_of_what_the_window_holds(found: list[int], amounts: list[float]) -> None:
    """Amounts come and go and leave nothing behind."""
    job = build_persona(build_rule(Sum(argument="args.amount", per=MINUTE), 1e12))
    histories = MemoryHistories()
    taken: list[tuple[int, float]] = []
    now = 0
    for gap, at, amount in zip(found, instants(found), amounts, strict=False):
        now += gap
        taken.append((now, abs(amount)))
        expected = round(sum(one for when, one in taken if now - when < 60_000_000), 6)
        figure = histories.observe(build_call(at, args={"amount": amount}), job, passes=True).figures[0]

        assert figure == expected


@EXAMPLES
@given(st.lists(st.integers(0, 600), max_size=50), st.integers(1, 5))
def test_time_that_goes_back_never_widens_a_budget(times: list[int], maximum: int) -> None:
    """It counts as the latest instant that was seen."""
    rules = (
        build_rule(Calls(per=MINUTE), maximum, "calls"),
        build_rule(Distinct(argument="target", per=MINUTE), maximum, "breadth"),
        build_rule(SessionCalls(idle=MINUTE), maximum, "session"),
        build_rule(SessionLength(idle=MINUTE), 200, "length"),
    )
    job = build_persona(*rules)
    jumping, steady = MemoryHistories(), MemoryHistories()
    latest = 0
    for number, at in enumerate(times):
        latest = max(latest, at)
        jumped = jumping.observe(build_call(at, target=f"/{number % 7}"), job, passes=True)

        assert jumped == steady.observe(build_call(latest, target=f"/{number % 7}"), job, passes=True)


class Worker:
    """A worker's histories, bare."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.ledgers: dict[ScopeKey, Ledger] = {}

    def ledger(self, group: Group, caller: Caller) -> Ledger:
        """The ledger of this caller."""
        key = group.key(caller)
        return self.ledgers.setdefault(key, Ledger(group, key))

    def see(self, call: Call, outcome: str) -> History:
        """One call and how it ended."""
        history, waiting = observe(call, self.plan, self, passes=True)
        told = Outcome(decision="", at=call.at + timedelta(milliseconds=1), outcome=outcome, sent=100)
        if outcome != "none":
            end(waiting, told)
        return history


def flagged() -> tuple[Rule, ...]:
    """Every kind of rule that a worker can judge alone; none keeps a call from counting."""
    sends = Selector(access=frozenset({Access.SEND}))
    watches: tuple[Watch, ...] = (
        Calls(per=MINUTE),
        Distinct(argument="target", per=MINUTE),
        Sum(argument="args.amount", per=MINUTE),
        SessionCalls(idle=timedelta(seconds=20)),
        SessionLength(idle=timedelta(seconds=20)),
        Repeats(per=MINUTE),
        Probes(outcomes=frozenset({"not_found"}), per=MINUTE),
        Order(after=Selector(data=("untrusted",)), then=sends, within=MINUTE),
        Order(after=Selector(outcomes=frozenset({"error"})), then=Selector(), within=MINUTE),
        Pace(),
        Egress(per=MINUTE),
        FirstUse(argument="target"),
        Concurrency(lease=MINUTE),
    )
    return tuple(
        build_rule(watch, 10, f"rule{number}", on_drift=Drift.FLAG) for number, watch in enumerate(watches)
    )


steps = st.tuples(
    st.integers(1, 30),
    st.sampled_from(["read", "send"]),
    st.integers(0, 4),
    st.sampled_from(["ok", "not_found", "error", "none"]),
)


@EXAMPLES
@given(st.lists(st.tuples(steps, st.booleans()), max_size=40))
def test_the_merged_histories_of_two_workers_are_those_of_one(found: list[tuple[Step, bool]]) -> None:
    """What two saw apart is what one would have seen."""
    plan = Plan(build_persona(*flagged()), Digest(b"k"))
    one, left, right = Worker(plan), Worker(plan), Worker(plan)
    second = 0
    for (gap, access, target, outcome), to_the_left in found:
        second += gap
        classes = ("untrusted",) if target == 0 else ()
        call = build_call(
            second,
            tool=access,
            access=access,
            target=f"/{target}",
            classes=classes,
            args={"amount": target + 0.1},
        )
        one.see(call, outcome)
        (left if to_the_left else right).see(call, outcome)
    merge(left.ledgers, right.ledgers)
    last = build_call(second + 5, tool="send", access="send", target="/1", args={"amount": 1.1})

    assert left.see(last, "ok") == one.see(last, "ok")


@EXAMPLES
@given(
    st.lists(st.tuples(st.floats(0, 20), st.integers(0, 10), st.sampled_from(list(Drift))), max_size=6),
    st.tuples(st.floats(0, 20) | st.none(), st.integers(0, 10), st.sampled_from(list(Drift))),
    st.sampled_from(list(Mode)),
)
def test_a_rule_that_is_added_never_turns_a_deny_into_an_allow(
    rules: list[tuple[float, int, Drift]], added: tuple[float | None, int, Drift], mode: Mode
) -> None:
    """For the same history: rules only object."""
    call = build_call(0)
    before = [
        build_rule(Calls(per=MINUTE), most, f"r{n}", on_drift=d) for n, (_, most, d) in enumerate(rules)
    ]
    figure, most, drift = added
    after = [*before, build_rule(Calls(per=MINUTE), most, "added", on_drift=drift)]
    figures = tuple(figure for figure, _, _ in rules)
    fewer, more = build_job(*before, mode=mode), build_job(*after, mode=mode)

    less = conclude(judge(call, fewer, ALICE), call, fewer, History(figures=figures))
    greater = conclude(judge(call, more, ALICE), call, more, History(figures=(*figures, figure)))

    assert isinstance(less, Allow) or not isinstance(greater, Allow)
