"""Histories that outlive the process."""

import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from authz.audit import Fact, decision_record
from authz.core.call import Call
from authz.core.definitions import Definitions
from authz.core.history import Outcome
from authz.core.persona import Persona
from authz.core.request import Request
from authz.core.rule import Calls, Distinct, Probes, Repeats, Selector, Sequence, SessionCalls, Sum
from authz.stores.histories_memory import MemoryHistories
from authz.stores.histories_trail import fold_record, open_histories
from authz.stores.trail import Trail, open_digester, read_records
from tests.behaviour.builders import build_call, build_job, build_rule, decide_one

DAY = timedelta(days=1)
JOB = build_job(
    build_rule(Calls(per=DAY), 100, "calls"),
    build_rule(Distinct(argument="target", per=DAY), 100, "breadth"),
    build_rule(Sum(argument="args.amount", per=DAY), 1000, "spend"),
    build_rule(SessionCalls(idle=DAY), 100, "session"),
    build_rule(Repeats(per=DAY), 100, "repeats"),
    build_rule(Probes(outcomes=frozenset({"not_found"}), per=DAY, remember=7 * DAY), 100, "probes"),
    build_rule(Sequence(after=Selector(data=("untrusted",)), then=Selector(), within=DAY), 0, "order"),
)
DEFINITIONS = Definitions(personas={JOB.name: JOB})


def record(
    call: Call, job: Persona, histories: MemoryHistories, state: Path, name: str
) -> Mapping[str, object]:
    """One decision, as it goes on the trail."""
    decision, history = decide_one(histories, call, job, name)
    fact = Fact(
        id=name,
        at=call.at,
        request=Request(),
        decision=decision,
        latency_us=0,
        caller=call.caller,
        call=call,
        persona=job,
        history=history,
    )
    return decision_record(fact, open_digester(state))


def ended(call: Call, name: str, outcome: str) -> dict[str, object]:
    """How it ended, as it goes on the trail."""
    return {
        "kind": "outcome",
        "id": f"o{name}",
        "at": (call.at + timedelta(milliseconds=5)).isoformat(),
        "decision": name,
        "outcome": outcome,
        "bytes": {"sent": 10, "received": 0},
    }


def some_calls() -> list[Call]:
    """Calls that touch every rule."""
    return [
        build_call(n, target=f"/{n % 3}", args={"amount": n + 0.1, "path": f"/{n % 3}"}, user="alice")
        for n in range(6)
    ] + [build_call(7, classes=("untrusted",), args={"amount": 1})]


def test_a_restart_forgets_nothing_with_and_without_the_snapshot(tmp_path: Path) -> None:
    """Every rule gives the figure that it would have given otherwise, outcomes that come late included."""
    with Trail.open(tmp_path) as trail:
        before = open_histories(tmp_path, DEFINITIONS, build_call(0).at)
        for number, call in enumerate(some_calls()):
            trail.append([record(call, JOB, before, tmp_path, f"d{number}")])
            if number < 3:
                trail.append([ended(call, f"d{number}", "not_found")])
                before.outcome(Outcome(decision=f"d{number}", at=call.at, outcome="not_found"))
    late = Outcome(decision="d4", at=build_call(8).at, outcome="not_found")
    before.outcome(late)
    probe = build_call(9, target="/1", args={"amount": 1, "path": "/1"})
    expected = before.observe(probe, JOB, passes=True).figures

    from_trail = open_histories(tmp_path, DEFINITIONS, probe.at)
    from_snapshot = open_histories(tmp_path, DEFINITIONS, probe.at)
    found = []
    for histories in (from_trail, from_snapshot):
        histories.outcome(late)
        found.append(histories.observe(probe, JOB, passes=True).figures)

    assert list(expected) == [8, 3, 17.6, 8, 1, 7, 1]
    assert found == [expected, expected]


def test_a_snapshot_that_cannot_be_read_costs_time_and_nothing_else(tmp_path: Path) -> None:
    """The trail alone is enough."""
    with Trail.open(tmp_path) as trail:
        histories = open_histories(tmp_path, DEFINITIONS, build_call(0).at)
        for number, call in enumerate(some_calls()):
            trail.append([record(call, JOB, histories, tmp_path, f"d{number}")])
    open_histories(tmp_path, DEFINITIONS, build_call(8).at)
    (tmp_path / "histories" / "snapshot.json").write_bytes(b'{"format": 1, "pla')

    again = open_histories(tmp_path, DEFINITIONS, build_call(8).at)

    assert again.observe(build_call(9, args={"amount": 1}), JOB, passes=True).figures[0] == 8


def test_a_line_that_is_no_decision_changes_nothing(tmp_path: Path) -> None:
    """The trail also holds what people did."""
    histories = MemoryHistories()
    for line in ({}, {"kind": "key"}, {"kind": "decision", "took": {"calls": 1}}, {"kind": "outcome"}):
        fold_record(histories, DEFINITIONS, line)

    assert histories.observe(build_call(0, args={"amount": 1}), JOB, passes=True).figures[0] == 1
    assert list(read_records(tmp_path)) == []


def test_killed_at_any_moment_and_restarted_a_budget_is_never_widened(tmp_path: Path) -> None:
    """A crash loop is no way to more calls; what was answered is on the trail."""
    answered = 0
    for stop_after in (1, 7, 13, 2, 9, 40, 40):
        with subprocess.Popen(
            [sys.executable, "-m", "tests.stores.histories_worker", str(tmp_path), "50", "1000000"],
            stdout=subprocess.PIPE,
            text=True,
        ) as worker:
            assert worker.stdout is not None
            lines = [worker.stdout.readline() for _ in range(stop_after)]
            worker.kill()
            lines += worker.stdout.readlines()
        answered += lines.count("allowed\n")

    effects = [one["effect"] for one in read_records(tmp_path) if one.get("kind") == "decision"]

    assert answered <= effects.count("allowed") == 50
