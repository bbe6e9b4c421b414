"""The figures of the forensic page."""

from datetime import timedelta

from authz.audit import Entry, outcome_record
from authz.audit.event import folded_record
from authz.audit.summary import LATEST, SLOTS, Summary
from authz.core.decision import Deny, Objection
from authz.core.reason import Reason
from tests.audit.samples import AT, DENY, record, stranger_record

DRIFT = Deny((Objection(Reason.BEHAVIOUR_PROBE, "x"),), judged=True)


def _summary() -> Summary:
    return Summary(AT - timedelta(hours=1), AT + timedelta(hours=1))


def test_everything_is_counted_once() -> None:
    """The picture must not say another number than the trail."""
    summary = _summary()
    for made in (record(1), record(2, DENY), record(3, DRIFT), stranger_record(4)):
        summary.add(made)
    summary.add(folded_record(stranger_record(5), "10.0.0.1", 40, "", {}))
    summary.add(outcome_record(Entry(decision="d", at=AT, status=200, upstream="x"), "o", AT))

    assert summary.total == 44
    assert summary.effects == {"allowed": 1, "denied": 43}
    assert sum(sum(slot.values()) for slot in summary.slots) == 44
    assert summary.agents["support-summarizer"] == {"allowed": 1, "denied": 2}
    assert summary.reasons["tool.not-granted"] == 1
    assert summary.drift == {"support-summarizer · support-summarizer · behaviour.probe": 1}
    assert summary.outcomes == {"ok": 1}


def test_what_is_outside_of_the_time_is_left_out() -> None:
    """`--since 1d` is one day."""
    summary = Summary(AT + timedelta(minutes=1), AT + timedelta(minutes=2))

    summary.add(record(1))

    assert summary.total == 0


def test_the_last_instant_is_in_the_last_bar() -> None:
    """No record may fall off the picture."""
    made = record(0)
    summary = Summary(AT - timedelta(hours=1), AT)

    summary.add(made)

    assert summary.slots[SLOTS - 1]["allowed"] == 1


def test_memory_is_bounded() -> None:
    """A day of refusals must fit."""
    summary = _summary()
    for number in range(LATEST * 3):
        summary.add(record(number, DENY))

    assert len(summary.latest) == LATEST
