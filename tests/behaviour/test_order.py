"""Sequences: what must or must not come before; first use."""

from collections.abc import Callable
from datetime import timedelta

from authz.core.app import Access
from authz.core.call import Call
from authz.core.history import Outcome
from authz.core.persona import Persona
from authz.core.rule import Drift, FirstUse, Rule, Selector, Sequence
from authz.stores.histories_memory import MemoryHistories

Make = Callable[..., Call]
MakeRule = Callable[..., Rule]
MakePersona = Callable[..., Persona]
HOUR = timedelta(hours=1)
SEND = Selector(access=frozenset({Access.SEND, Access.WRITE}))
UNTRUSTED = Selector(data=("untrusted",))


def test_nothing_is_sent_after_untrusted_data_was_read(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """The general form of prompt injection that ends in exfiltration."""
    job = persona(rule(Sequence(after=UNTRUSTED, then=SEND, within=HOUR), 0))
    histories = MemoryHistories()

    found = [
        histories.observe(call(at, access=access, classes=classes), job, passes=True).figures[0]
        for at, access, classes in (
            (0, "send", ()),
            (1, "read", ("untrusted.web",)),
            (2, "send", ()),
            (3600, "write", ()),
            (3601, "write", ()),
        )
    ]

    assert found == [0, None, 1, 1, 0]


def test_a_call_that_was_refused_arms_nothing(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """What was not let through has not happened."""
    job = persona(rule(Sequence(after=UNTRUSTED, then=SEND, within=HOUR), 0))
    histories = MemoryHistories()
    histories.observe(call(0, classes=("untrusted",)), job, passes=False)

    assert histories.observe(call(1, access="send"), job, passes=True).figures == (0,)


def test_writing_needs_that_the_same_target_was_read_before(
    call: Make, rule: MakeRule, persona: MakePersona
) -> None:
    """`before:` with `same: target`: have read what you overwrite."""
    reads = Selector(access=frozenset({Access.READ}))
    watch = Sequence(after=reads, then=SEND, within=HOUR, require=True, same_target=True)
    job = persona(rule(watch, 0))
    histories = MemoryHistories()

    found = [
        histories.observe(call(at, access=access, target=target), job, passes=True).figures[0]
        for at, access, target in (
            (0, "read", "/a"),
            (1, "write", "/a"),
            (2, "write", "/b"),
            (3, "write", None),
            (3601, "write", "/a"),
        )
    ]

    assert found == [None, 0, 1, 1, 1]


def test_an_outcome_can_be_what_comes_before(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """It counts from when it arrives."""
    failed = Selector(tools=frozenset({"deploy"}), outcomes=frozenset({"error"}))
    again = Selector(tools=frozenset({"deploy"}))
    job = persona(rule(Sequence(after=failed, then=again, within=HOUR), 0))
    histories = MemoryHistories()

    first = histories.observe(call(0, tool="deploy"), job, passes=True, decision="a").figures
    second = histories.observe(call(1, tool="deploy"), job, passes=True, decision="b").figures
    histories.outcome(Outcome(decision="a", at=call(2).at, outcome="ok"))
    third = histories.observe(call(3, tool="deploy"), job, passes=True).figures
    histories.outcome(Outcome(decision="b", at=call(4).at, outcome="error"))
    fourth = histories.observe(call(5, tool="deploy"), job, passes=True).figures

    assert (first, second, third, fourth) == ((0,), (0,), (0,), (1,))


def test_the_first_use_of_a_tool_is_seen(call: Make, rule: MakeRule, persona: MakePersona) -> None:
    """By the persona as a whole: what a colleague of the same job did is nothing new."""
    everyone = frozenset({"persona"})
    job = persona(rule(FirstUse(), 0, on_drift=Drift.FLAG, by=everyone))
    histories = MemoryHistories()

    found = [
        histories.observe(call(n, tool=tool, user=user), job, passes=True).figures[0]
        for n, (tool, user) in enumerate((("read", "a"), ("read", "b"), ("drop", "a"), ("drop", "b")))
    ]

    assert found == [1, 0, 1, 0]
