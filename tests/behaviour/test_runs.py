"""The session of a caller is a run of its calls, whatever the protocol says."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from authz.core.call import Call
from authz.core.persona import Persona
from authz.core.rule import Rule, SessionCalls, SessionLength
from authz.stores.histories_memory import MemoryHistories

IDLE = timedelta(minutes=30)


def test_a_gap_of_idle_begins_a_new_run(
    call: Callable[..., Call], rule: Callable[..., Rule], persona: Callable[..., Persona]
) -> None:
    """A session ends by silence."""
    job = persona(
        rule(SessionCalls(idle=IDLE), 10, "calls"), rule(SessionLength(idle=IDLE), 28_800, "length")
    )
    histories = MemoryHistories()

    found = [histories.observe(call(at), job, passes=True).figures for at in (0, 600, 2399, 4199, 4200)]

    assert found == [(1, 0), (2, 600), (3, 2399), (1, 0), (2, 1)]


def test_a_new_protocol_session_is_no_way_out(
    call: Callable[..., Call], rule: Callable[..., Rule], persona: Callable[..., Persona]
) -> None:
    """An agent can send `initialize` as often as it likes."""
    job = persona(rule(SessionCalls(idle=IDLE), 2))
    histories = MemoryHistories()

    found = [
        histories.observe(replace(call(at), session=f"s{at}"), job, passes=True).figures[0] for at in range(4)
    ]

    assert found == [1, 2, 3, 3]
