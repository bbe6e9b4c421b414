"""The drift report: bounded, in order, and careful with what records say."""

from datetime import timedelta

from authz.behaviour.report import AROUND, report, story
from tests.behaviour.builders import START


def record(number: int, *, drifts: bool, agent: str = "coder") -> dict[str, object]:
    """A decision, as the trail has it."""
    detail = "rule `pace`: 61 is above 60"
    return {
        "kind": "decision",
        "id": f"d{number}",
        "at": (START + timedelta(minutes=number)).isoformat(),
        "agent": {"id": agent},
        "user": "alice",
        "persona": {"name": "coding"},
        "action": {"app": "files", "tool": "read", "target": None},
        "effect": "flagged" if drifts else "allowed",
        "reasons": [{"code": "behaviour.limit", "detail": detail, "place": None}] if drifts else [],
        "counted": {"pace": 61.0},
    }


def test_it_tells_when_drift_began_and_what_stood_around_it() -> None:
    """Three calls before, three after, and how much came later."""
    records = [record(n, drifts=n >= 10) for n in range(30)]
    (one,) = report(records, START, START + timedelta(hours=1))

    assert one.began == START + timedelta(minutes=10)
    assert (one.calls, one.drifted, one.since) == (30, 20, 20)
    assert [told.id for told in one.around] == [f"d{n}" for n in range(10 - AROUND, 10 + AROUND + 1)]
    assert (sum(one.all_in), sum(one.drifted_in)) == (30, 20)
    assert one.rules == {"pace": 20}


def test_who_did_not_drift_is_left_out_and_the_worst_comes_first() -> None:
    """It is read by people who have little time."""
    records = [
        *(record(n, drifts=False, agent="good") for n in range(5)),
        *(record(n, drifts=True, agent="bad") for n in range(2)),
        *(record(n, drifts=True, agent="worse") for n in range(3)),
    ]

    assert [one.agent for one in report(records, START, START + timedelta(hours=1))] == ["worse", "bad"]


def test_records_of_other_kinds_and_torn_ones_are_passed_over() -> None:
    """A trail holds more than decisions."""
    odd: list[dict[str, object]] = [
        {},
        {"kind": "event"},
        {"kind": "decision", "agent": {"id": None}},
        {"kind": "decision", "id": 5},
        {**record(1, drifts=True), "agent": {"id": None}},
    ]

    assert report(odd, START, START + timedelta(hours=1)) == []


def test_a_story_has_the_calls_of_the_same_caller_and_how_they_ended() -> None:
    """Another agent's calls are none of its business."""
    records: list[dict[str, object]] = [
        record(1, drifts=False),
        {"kind": "outcome", "decision": "d1", "outcome": "not_found"},
        record(2, drifts=False, agent="other"),
        record(3, drifts=True),
    ]
    found = story(records, "d3")

    assert found is not None
    assert [one.id for one in found.before] == ["d1"]
    assert found.outcomes == {"d1": "not_found"}
    assert story(records, "d9") is None
