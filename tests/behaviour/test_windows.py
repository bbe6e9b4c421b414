"""Sliding windows: exact at both ends, exact in sums, bounded where values are many."""

from collections.abc import Callable
from datetime import timedelta

from authz.core.app import Access
from authz.core.call import Call
from authz.core.history import Outcome
from authz.core.persona import Persona
from authz.core.rule import Calls, Distinct, Drift, Egress, Rule, Selector, Sum
from authz.stores.histories_memory import MemoryHistories

Make = Callable[..., Call]
MakeRule = Callable[..., Rule]
MakePersona = Callable[..., Persona]
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def test_a_call_counts_while_it_is_younger_than_the_window(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """One microsecond early would widen the budget, one late would narrow it."""
    job = persona(rule(Calls(per=MINUTE), 1))
    histories = MemoryHistories()

    figures = [
        histories.observe(call(at), job, passes=True).figures[0] for at in (0, 59.999999, 60, 60.000001)
    ]

    assert figures == [1, 2, 1, 2]


def test_the_window_slides_and_never_starts_anew(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """A fixed window would let twice the budget through around its edge."""
    job = persona(rule(Calls(per=MINUTE), 3))
    histories = MemoryHistories()

    passed = [
        at for at in range(0, 130, 10) if (histories.observe(call(at), job, passes=True).figures[0] or 0) <= 3
    ]

    assert passed == [0, 10, 20, 60, 70, 80, 120]


def test_a_refused_call_consumes_nothing(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """A call that the first three layers refuse must not use up what honest calls need."""
    job = persona(rule(Calls(per=MINUTE), 5))
    histories = MemoryHistories()

    for at in range(10):
        histories.observe(call(at), job, passes=False)

    assert histories.observe(call(11), job, passes=True).figures == (1,)


def test_a_flagged_call_consumes(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """It was let through."""
    job = persona(rule(Calls(per=MINUTE), 1, on_drift=Drift.FLAG))
    histories = MemoryHistories()

    assert [histories.observe(call(at), job, passes=True).figures[0] for at in range(4)] == [1, 2, 3, 4]


def test_one_rule_that_refuses_keeps_all_others_from_counting(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """Check and reservation are one step over all rules: the call is let through or it is not."""
    job = persona(rule(Calls(per=MINUTE), 2, "tight"), rule(Calls(per=HOUR), 100, "wide"))
    histories = MemoryHistories()

    last = [histories.observe(call(at), job, passes=True) for at in range(10)][-1]

    assert (last.figures, last.took) == ((3, 3), (None, None))


def test_a_rule_is_only_about_what_it_selects(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """A budget for writing isn't used up by reading."""
    writes = Selector(access=frozenset({Access.WRITE}))
    job = persona(rule(Calls(per=MINUTE), 1, selector=writes))
    histories = MemoryHistories()

    kinds = ["read", "write", "read", "write"]
    figures = [
        histories.observe(call(n, access=kind), job, passes=True).figures[0] for n, kind in enumerate(kinds)
    ]

    assert figures == [None, 1, None, 2]


def test_different_values_count_once_each(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """Breadth is how many customers were touched, not how often."""
    job = persona(rule(Distinct(argument="target", per=MINUTE), 10))
    histories = MemoryHistories()

    targets = [(0, "a"), (1, "b"), (2, "a"), (61.5, "c"), (62, "a"), (63, None)]
    figures = [histories.observe(call(at, target=one), job, passes=True).figures[0] for at, one in targets]

    assert figures == [1, 2, 2, 2, 2, None]


def test_a_huge_maximum_is_estimated_and_errs_towards_denial(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """Above 10,000 only a share of the values is kept: never fewer than there were, at most 6 % more."""
    job = persona(rule(Distinct(argument="args.id", per=HOUR), 40_000))
    histories = MemoryHistories(b"secret")

    figure = 0.0
    for number in range(30_000):
        figure = histories.observe(call(number / 100, args={"id": number}), job, passes=True).figures[0] or 0

    assert 30_000 <= figure <= 31_800


def test_sums_are_exact_in_decimal_money(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """0.1 + 0.2 must not be above 0.3, nor may a sum drift when amounts come and go."""
    job = persona(rule(Sum(argument="args.amount", per=MINUTE), 0.3))
    histories = MemoryHistories()

    figures = [
        histories.observe(call(at, args={"amount": amount}), job, passes=True).figures[0]
        for at, amount in ((0, 0.1), (1, -0.2), (2, 0.000001), (61, 0.1))
    ]

    assert figures == [0.1, 0.3, 0.300001, 0.1]


def test_what_is_no_finite_number_is_above_every_maximum(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """An amount that isn't there or can't be read must not be a way past the budget."""
    job = persona(rule(Sum(argument="args.amount", per=MINUTE), 1e300))
    histories = MemoryHistories()

    odd = [{}, {"amount": "5"}, {"amount": True}, {"amount": None}, {"amount": [5]}, {"amount": 10**400}]
    figures = [
        histories.observe(call(n, args=args), job, passes=True).figures[0] for n, args in enumerate(odd)
    ]

    assert figures == [float("inf")] * len(odd)


def test_what_answers_carried_out_counts_when_they_have_ended(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """The size of an answer is known only then; the next call is judged by it."""
    job = persona(rule(Egress(per=MINUTE), 1000))
    histories = MemoryHistories()

    before = histories.observe(call(0), job, passes=True, decision="d1").figures
    histories.outcome(Outcome(decision="d1", at=call(5).at, outcome="ok", sent=1500))

    later = [histories.observe(call(at), job, passes=True).figures[0] for at in (6, 65)]

    assert [*before, *later] == [0, 1500, 0]
