"""Repeats, probes and pace count every call of a proven caller, let through or not."""

from collections.abc import Callable
from datetime import timedelta

from authz.core.call import Call
from authz.core.history import Outcome
from authz.core.persona import Persona
from authz.core.rule import Drift, Pace, Probes, Repeats, Rule
from authz.stores.histories_memory import MemoryHistories

Make = Callable[..., Call]
MakeRule = Callable[..., Rule]
MakePersona = Callable[..., Persona]
HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
MISSING = frozenset({"not_found"})


def test_the_fourth_equal_call_has_figure_four_though_refused(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """A loop doesn't become ordinary work by being refused."""
    job = persona(rule(Repeats(per=HOUR), 3))
    histories = MemoryHistories()

    found = [histories.observe(call(n, args={"path": "/a"}), job, passes=False).figures[0] for n in range(6)]

    assert found == [1, 2, 3, 4, 5, 6]


def test_another_order_of_arguments_is_the_same_call_and_another_value_is_not(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """JSON objects have no order."""
    job = persona(rule(Repeats(per=HOUR), 3))
    histories = MemoryHistories()
    args = [{"a": 1, "b": 2}, {"b": 2, "a": 1}, {"a": 1, "b": 3}]

    assert [
        histories.observe(call(n, args=one), job, passes=True).figures[0] for n, one in enumerate(args)
    ] == [
        1,
        2,
        1,
    ]


def test_volatile_arguments_can_be_ignored(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """A nonce must not hide a loop."""
    job = persona(rule(Repeats(per=HOUR, ignore=frozenset({"nonce"})), 3))
    histories = MemoryHistories()

    found = [
        histories.observe(call(n, args={"a": 1, "nonce": n}), job, passes=True).figures[0] for n in range(3)
    ]

    assert found == [1, 2, 3]


def test_a_volatile_argument_can_lie_deeper(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """Only what the path names is left out, and nothing that merely looks like it."""
    job = persona(rule(Repeats(per=HOUR, ignore=frozenset({"args.meta.id", "meta.at"})), 3))
    histories = MemoryHistories()
    args = [
        {"meta": {"id": 1, "at": 2, "to": 3}},
        {"meta": {"id": 9, "to": 3}},
        {"meta": 4},
        {"meta": {"to": 4}},
    ]

    assert [
        histories.observe(call(n, args=one), job, passes=True).figures[0] for n, one in enumerate(args)
    ] == [1, 2, 1, 1]


def probe(histories: MemoryHistories, one: Call, job: Persona, outcome: str) -> float | None:
    """One call and how it ends; the figure that it was judged by."""
    decision = f"d{one.at.timestamp()}"
    figure = histories.observe(one, job, passes=True, decision=decision).figures[0]
    histories.outcome(Outcome(decision=decision, at=one.at + timedelta(milliseconds=10), outcome=outcome))
    return figure


def test_probes_are_counted_by_how_calls_end(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """162 guesses at files that don't exist are no reading."""
    job = persona(rule(Probes(outcomes=MISSING, per=HOUR), 3))
    histories = MemoryHistories()

    found = [probe(histories, call(n, target=f"/{n}"), job, "not_found") for n in range(5)]

    assert found == [0, 1, 2, 3, 4]
    assert histories.observe(call(3700, target="/x"), job, passes=True).figures == (0,)


def test_a_loop_on_one_missing_target_shows_at_its_fourth_probe(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """With `remember`, trying again is a probe when it comes, and its outcome doesn't count it twice."""
    job = persona(rule(Probes(outcomes=MISSING, per=HOUR, remember=WEEK), 3))
    histories = MemoryHistories()

    found = [probe(histories, call(71 * n, target="/missing"), job, "not_found") for n in range(4)]

    assert found == [0, 2, 3, 4]


def test_what_was_probed_in_an_earlier_session_shows_at_once(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """No memory between sessions is what made the 47 hours possible."""
    job = persona(rule(Probes(outcomes=MISSING, per=HOUR, remember=WEEK), 3))
    histories = MemoryHistories()
    for n in range(4):
        probe(histories, call(71 * n, target="/missing"), job, "not_found")

    assert probe(histories, call(27 * 3600, target="/missing"), job, "not_found") == 5
    assert probe(histories, call(27 * 3600 + 1, target="/other"), job, "ok") == 1


def test_an_ok_makes_a_target_ordinary_again(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """A file that exists now is no guess."""
    job = persona(rule(Probes(outcomes=MISSING, per=HOUR, remember=WEEK), 3))
    histories = MemoryHistories()
    probe(histories, call(0, target="/late"), job, "not_found")
    probe(histories, call(10, target="/late"), job, "ok")

    assert histories.observe(call(20, target="/late"), job, passes=True).figures == (2,)
    assert histories.observe(call(7200, target="/late"), job, passes=True).figures == (0,)


def test_a_target_is_forgotten_after_remember_though_tried_in_between(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """Only what ended so is remembered: refused attempts must not lock an agent out for ever."""
    job = persona(rule(Probes(outcomes=MISSING, per=HOUR, remember=WEEK), 0))
    histories = MemoryHistories()
    histories.observe(call(0, target="/x"), job, passes=True, decision="d")
    histories.outcome(Outcome(decision="d", at=call(0).at, outcome="not_found"))

    days = [
        histories.observe(call(86_400 * n, target="/x"), job, passes=True).figures[0] for n in range(1, 8)
    ]

    assert days == [2, 3, 4, 5, 6, 7, 0]


def test_when_targets_are_too_many_to_remember_none_counts_as_fresh(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """Flooding the memory must not be a way to make it forget."""
    job = persona(
        rule(Probes(outcomes=MISSING, per=timedelta(seconds=1), remember=WEEK), 0, on_drift=Drift.FLAG)
    )
    histories = MemoryHistories()
    for n in range(10_001):
        probe(histories, call(10 * n, target=f"/{n}"), job, "not_found")
    later = 10 * 10_001

    assert [
        histories.observe(call(later + 10 * n, target=one), job, passes=True).figures[0]
        for n, one in enumerate(("/10000", "/0", "/fresh"))
    ] == [2, 1, 1]


def test_many_different_calls_share_places_and_count_too_high_never_too_low(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """Memory is bounded; the error is towards denial."""
    job = persona(rule(Repeats(per=HOUR), 3))
    histories = MemoryHistories()
    for n in range(12_000):
        histories.observe(call(n / 100, args={"n": n}), job, passes=True)

    found = [histories.observe(call(130, args={"n": n}), job, passes=True).figures[0] for n in (0, 11_999)]

    assert all(one is not None and one >= 2 for one in found)


def test_an_outcome_that_nobody_waits_for_is_nothing(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """The access log also tells of calls that were refused, and tells twice after a reconnect."""
    job = persona(rule(Probes(outcomes=MISSING, per=HOUR), 3))
    histories = MemoryHistories()
    histories.observe(call(0), job, passes=True, decision="d")
    for _ in range(3):
        histories.outcome(Outcome(decision="d", at=call(1).at, outcome="not_found"))
    histories.observe(call(2), job, passes=False, decision="refused")
    histories.outcome(Outcome(decision="refused", at=call(3).at, outcome="not_found"))

    assert histories.observe(call(4), job, passes=True).figures == (1,)


def test_steady_intervals_are_a_row_and_uneven_ones_are_not(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """Every 71 seconds is a loop; a person's work isn't that even."""
    job = persona(rule(Pace(), 9))
    histories = MemoryHistories()
    steady = [71 * n + (n % 3) for n in range(10)]
    uneven = [5000 + one for one in (0, 60, 190, 210, 330, 600)]

    assert [histories.observe(call(at), job, passes=True).figures[0] for at in steady] == list(range(1, 11))
    assert [histories.observe(call(at), job, passes=True).figures[0] for at in uneven] == [1, 2, 2, 2, 2, 2]


def test_a_burst_is_no_pace(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """Calls sent together aren't a rhythm."""
    job = persona(rule(Pace(), 9))
    histories = MemoryHistories()

    assert [histories.observe(call(n / 100), job, passes=True).figures[0] for n in range(4)] == [1, 0, 0, 0]
