"""What drift leads to besides the answer."""

from collections.abc import Callable
from datetime import UTC, time, timedelta

from authz.behaviour import Ask, effects_of, may_ask
from authz.core.call import Call
from authz.core.decide import conclude, judge
from authz.core.decision import Effect
from authz.core.rule import Calls, Drift, Hours
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


def test_the_hours_can_be_answered_by_a_person_too(call: Callable[..., Call]) -> None:
    """Outside of them the call asks; with the grant it passes, and counts."""
    night = Hours(zone=UTC, days=frozenset(range(7)), start=time(20), end=time(6), on_drift=Drift.APPROVE)
    one = call(0)
    for rules in ((), (build_rule(Calls(per=HOUR), 5, "pace"),)):
        job = build_job(*rules, hours=night)
        histories = MemoryHistories()
        judgement = judge(one, job, ALICE)
        refused = histories.observe(one, job, passes=True)
        asks = effects_of(one, job, refused, conclude(judgement, one, job, refused), "d1")
        granted = histories.observe(one, job, passes=True, waived={"behaviour.hours"})

        assert asks == (Ask(call=one, decision="d1", rules=("behaviour.hours",)),)
        assert conclude(judgement, one, job, granted).effect is Effect.ALLOWED
        assert granted.figures == ((1,) if rules else ())
        assert may_ask(job)
