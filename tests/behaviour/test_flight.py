"""Calls under way at the same time."""

from collections.abc import Callable
from datetime import timedelta

from authz.core.call import Call
from authz.core.history import Outcome
from authz.core.persona import Persona
from authz.core.rule import Concurrency, Rule
from authz.stores.histories_memory import MemoryHistories


def test_a_call_is_under_way_until_it_ends_or_its_lease_is_over(
    call: Callable[..., Call], rule: Callable[..., Rule], persona: Callable[..., Persona]
) -> None:
    """A lost outcome must not lock an agent out for ever."""
    job = persona(rule(Concurrency(lease=timedelta(seconds=60)), 2))
    histories = MemoryHistories()

    opening = [
        histories.observe(call(at), job, passes=True, decision=f"d{at}").figures[0] for at in (0, 1, 2)
    ]
    histories.outcome(Outcome(decision="d1", at=call(3).at, outcome="ok"))
    after_end = histories.observe(call(4), job, passes=True).figures[0]
    full = histories.observe(call(5), job, passes=True).figures[0]
    after_lease = histories.observe(call(60), job, passes=True).figures[0]

    assert (opening, after_end, full, after_lease) == ([1, 2, 3], 2, 3, 2)
