"""Who shares a count."""

from collections.abc import Callable
from datetime import time, timedelta
from zoneinfo import ZoneInfo

import pytest

from authz.core.call import Call, Kind
from authz.core.history import EMPTY
from authz.core.persona import Mode, Persona
from authz.core.rule import Calls, Drift, Hours, Rule
from authz.stores.histories_memory import MemoryHistories

Make = Callable[..., Call]
MakeRule = Callable[..., Rule]
MakePersona = Callable[..., Persona]
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("by", "others"),
    [
        ({"agent", "user", "persona"}, {"agent": 1, "user": 1, "persona": 1, "key": 2}),
        ({"agent"}, {"agent": 1, "user": 2, "persona": 2, "key": 2}),
        ({"user"}, {"agent": 2, "user": 1, "persona": 2, "key": 2}),
        ({"persona"}, {"agent": 2, "user": 2, "persona": 1, "key": 2}),
        ({"key"}, {"agent": 2, "user": 2, "persona": 2, "key": 1}),
    ],
)
def test_a_rule_counts_for_those_it_names(
    by: set[str], others: dict[str, int], call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """Two replicas of one agent share a budget, two users don't, unless `by:` says otherwise."""
    limit = rule(Calls(per=HOUR), 10, by=frozenset(by))
    found = {}
    for part in others:
        histories = MemoryHistories()
        histories.observe(call(0), persona(limit), passes=True)
        job = persona(limit, name="other" if part == "persona" else "coding")
        found[part] = histories.observe(call(1, **{part: "other"}), job, passes=True).figures[0]

    assert found == others


def test_a_persona_that_is_compiled_anew_keeps_what_was_counted(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """A reload must not be a fresh budget; a changed maximum holds at once."""
    histories = MemoryHistories()
    for at in range(5):
        histories.observe(call(at), persona(rule(Calls(per=HOUR), 10, "drafts")), passes=True)

    changed = persona(rule(Calls(per=HOUR), 3, "new"), rule(Calls(per=HOUR), 4, "drafts"))

    assert histories.observe(call(6), changed, passes=True).figures == (1, 6)


@pytest.mark.parametrize("kind", [Kind.SESSION, Kind.ANSWER])
def test_session_methods_consume_nothing(
    kind: Kind, call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """`initialize` and `tools/list` are no use of a tool."""
    job = persona(rule(Calls(per=HOUR), 1))
    histories = MemoryHistories()

    assert histories.observe(call(0, kind=kind), job, passes=True) == EMPTY
    assert histories.observe(call(1), job, passes=True).figures == (1,)


def test_a_call_outside_the_hours_consumes_nothing(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """It is refused; where the hours only flag, it is let through and counts."""
    found = []
    for drift in (Drift.DENY, Drift.FLAG):
        night = Hours(
            zone=ZoneInfo("UTC"), days=frozenset(range(7)), start=time(20), end=time(6), on_drift=drift
        )
        job = persona(rule(Calls(per=HOUR), 9), hours=night)
        histories = MemoryHistories()
        histories.observe(call(0), job, passes=True)
        found.append(histories.observe(call(1), job, passes=True).figures)

    assert found == [(1,), (2,)]


def test_in_shadow_what_would_be_refused_counts(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """A shadowed call is let through."""
    job = persona(rule(Calls(per=HOUR), 1), mode=Mode.SHADOW)
    histories = MemoryHistories()

    assert [histories.observe(call(at), job, passes=True).figures[0] for at in range(3)] == [1, 2, 3]


def test_a_persona_without_rules_keeps_nothing(call: Make, persona: MakePersona) -> None:
    """Only what is needed."""
    assert MemoryHistories().observe(call(0), persona(), passes=True) is EMPTY
