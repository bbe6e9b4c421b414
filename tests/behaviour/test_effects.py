"""What drift leads to besides the answer."""

from collections.abc import Callable
from datetime import timedelta

from authz.behaviour import Ask, effects_of, may_ask
from authz.core.call import Call
from authz.core.decide import conclude, judge
from authz.core.rule import Calls, Drift
from authz.stores.histories_memory import MemoryHistories
from tests.behaviour.builders import ALICE, build_job, build_rule

HOUR = timedelta(hours=1)


def test_a_person_is_asked_for_the_rules_that_object_and_no_others(call: Callable[..., Call]) -> None:
    """A grant will waive what was asked."""
    job = build_job(
        build_rule(Calls(per=HOUR), 0, "asks", on_drift=Drift.APPROVE),
        build_rule(Calls(per=HOUR), 9, "quiet", on_drift=Drift.APPROVE),
        build_rule(Calls(per=HOUR), 0, "flags", on_drift=Drift.FLAG),
    )
    one = call(0)
    history = MemoryHistories().observe(one, job, passes=True)
    decision = conclude(judge(one, job, ALICE), one, job, history)

    assert effects_of(one, job, history, decision, "d1") == (Ask(call=one, decision="d1", rules=("asks",)),)
    assert may_ask(job)


def test_what_is_let_through_leads_to_nothing(call: Callable[..., Call]) -> None:
    """Flags are on record; that is all."""
    job = build_job(build_rule(Calls(per=HOUR), 0, "flags", on_drift=Drift.FLAG))
    one = call(0)
    history = MemoryHistories().observe(one, job, passes=True)
    decision = conclude(judge(one, job, ALICE), one, job, history)

    assert effects_of(one, job, history, decision, "d1") == ()
    assert not may_ask(job)
