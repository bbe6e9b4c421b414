"""Histories in memory: bounded, by themselves."""

from datetime import timedelta

from authz.core.rule import Calls, Concurrency
from authz.stores.histories_memory import MOST_WAITING, TURN, MemoryHistories
from tests.behaviour.builders import START, build_call, build_persona, build_rule

MINUTE = timedelta(minutes=1)


def test_whom_no_window_can_see_any_more_is_dropped() -> None:
    """Agents that come once must not stay for ever."""
    job = build_persona(build_rule(Calls(per=MINUTE), 9))
    histories = MemoryHistories()
    for number in range(TURN):
        histories.observe(build_call(0, agent=f"a{number}"), job, passes=True)
    for turn in range(1, 4):
        for _ in range(TURN):
            histories.observe(build_call(61 * turn, agent="still"), job, passes=True)

    kept = histories.keep(int(START.timestamp() * 1e6))
    left = sum(len(one.young) + len(one.old) for one in histories._generations.values())  # noqa: SLF001 - the bound itself

    assert left == 1
    assert len(kept.ledgers) == 1


def test_who_is_seen_again_within_the_window_is_never_dropped() -> None:
    """However many others come in between."""
    job = build_persona(build_rule(Calls(per=MINUTE), 9))
    histories = MemoryHistories()
    figures = []
    for at in range(0, 300, 20):
        figures.append(histories.observe(build_call(at), job, passes=True).figures[0])
        for number in range(TURN):
            histories.observe(build_call(at + 1, agent=f"{at}-{number}"), job, passes=True)

    assert figures == [1, 2, *[3] * 13]


def test_calls_that_never_report_an_end_are_not_waited_for_without_end() -> None:
    """The access log may be switched off."""
    job = build_persona(build_rule(Concurrency(lease=MINUTE), 1e9))
    histories = MemoryHistories()
    for number in range(MOST_WAITING + 10):
        histories.observe(build_call(number / 1000), job, passes=True, decision=f"d{number}")

    assert len(histories.keep(0).waiting) == MOST_WAITING
