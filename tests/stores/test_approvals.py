"""What agents ask of people, and what people answered."""

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from authz.behaviour import NOTHING, Ask, Suspend, effects_of
from authz.core.call import Call
from authz.core.decide import conclude, judge
from authz.core.persona import Mode, Persona
from authz.core.rule import Calls, Drift, Selector
from authz.stores.approvals import Answer, ApprovalError, Approvals, Terms, open_approvals
from authz.stores.histories_memory import MemoryHistories
from tests.behaviour.builders import ALICE, START, build_call, build_job, build_rule

HOUR = timedelta(hours=1)
DELETES = Selector(tools=frozenset({"drop"}))
JOB = build_job(
    build_rule(Calls(per=HOUR), 0, "deletions", selector=DELETES, on_drift=Drift.APPROVE),
    build_rule(Calls(per=HOUR), 5, "pace"),
)


def yes(at: float = 10) -> Answer:
    """A person's answer."""
    return Answer(by="bob", reason="ticket 4711", at=START + timedelta(seconds=at))


def dropping(at: float, table: str = "old", user: str = "alice") -> Call:
    """The call that needs a person."""
    return build_call(at, tool="drop", access="delete", args={"table": table}, user=user)


@pytest.fixture
def approvals(tmp_path: Path) -> Iterator[Approvals]:
    """A store of its own."""
    opened = open_approvals(tmp_path)
    yield opened
    opened.close()


class Desk:
    """The way of a call, as the service goes it."""

    def __init__(self, approvals: Approvals, job: Persona = JOB) -> None:
        self.approvals = approvals
        self.histories = MemoryHistories()
        self.job = job

    def decide(self, call: Call, name: str) -> bool:
        """Whether the call passes; what it leads to is carried out."""
        judgement = judge(call, self.job, ALICE)
        claim = self.approvals.claim(call)
        waived = NOTHING if claim is None else claim.rules
        history = self.histories.observe(call, self.job, judgement.passes, waived=waived)
        decision = conclude(judgement, call, self.job, history)
        if claim is not None and not decision.effect.passes:
            self.approvals.give_back(claim)
        for effect in effects_of(call, self.job, history, decision, name):
            if isinstance(effect, Ask):
                self.approvals.ask(effect)
        return decision.effect.passes


def waiting(approvals: Approvals, at: datetime = START) -> list[str]:
    """Ids of what waits."""
    return [one.id for one in approvals.requests(at)]


def test_a_grant_lets_that_very_call_pass_once(approvals: Approvals) -> None:
    """Refused, granted, retried: the retry passes, the next one asks again."""
    desk = Desk(approvals)

    refused = desk.decide(dropping(0), "d1")
    approvals.grant("d1", yes(), Terms())
    other = desk.decide(dropping(11, "payroll"), "d2")
    retried = desk.decide(dropping(12), "d3")
    again = desk.decide(dropping(13), "d4")

    assert (refused, other, retried, again) == (False, False, True, False)
    assert waiting(approvals) == ["d2", "d4"]


def test_a_grant_for_the_tool_holds_for_a_while_and_so_many_times(approvals: Approvals) -> None:
    """What a person allows has an end."""
    desk = Desk(approvals)
    desk.decide(dropping(0), "d1")
    approvals.grant("d1", yes(), Terms(times=2, lives=timedelta(minutes=5), whole_tool=True))

    found = [desk.decide(dropping(at, f"t{at}"), f"n{at}") for at in (20, 21, 22)]
    desk.decide(dropping(30, "x"), "d5")
    approvals.grant("d5", yes(31), Terms(times=9, lives=timedelta(minutes=5), whole_tool=True))
    late = desk.decide(dropping(31 + 300, "y"), "d6")

    assert found == [True, True, False]
    assert late is False


def test_a_grant_waives_the_rule_that_asked_and_no_other(approvals: Approvals) -> None:
    """And a grant that could not help is not used up."""
    desk = Desk(approvals)
    desk.decide(dropping(0), "d1")
    approvals.grant("d1", yes(), Terms())
    for at in range(1, 6):
        desk.decide(build_call(at), f"r{at}")

    refused = desk.decide(dropping(12), "d2")
    later = desk.decide(dropping(3000), "d3")
    much_later = Desk(approvals).decide(dropping(3001), "d4")

    assert (refused, later, much_later) == (False, False, True)
    assert waiting(approvals) == []


def test_a_grant_is_for_the_one_who_asked(approvals: Approvals) -> None:
    """Another user's agent asks for itself."""
    desk = Desk(approvals)
    desk.decide(dropping(0), "d1")
    approvals.grant("d1", yes(), Terms(times=5, whole_tool=True))

    assert approvals.claim(dropping(11, user="carol")) is None


def test_trying_again_asks_no_second_time(approvals: Approvals) -> None:
    """A person sees one request and how often the agent tried."""
    desk = Desk(approvals)
    for at in range(4):
        desk.decide(dropping(at), f"d{at}")

    found = list(approvals.requests(START))

    assert [(one.id, one.asked, one.args) for one in found] == [("d0", 4, {"table": "old"})]


def test_an_agent_cannot_bury_people_in_requests(approvals: Approvals) -> None:
    """What waits is bounded; all of it is refused anyway."""
    desk = Desk(approvals)
    for at in range(150):
        desk.decide(dropping(at / 100, f"t{at}"), f"d{at}")

    assert len(waiting(approvals)) == 100


def test_arguments_lie_encrypted_and_are_gone_when_it_is_settled(
    approvals: Approvals, tmp_path: Path
) -> None:
    """They may be worth more than the call."""
    Desk(approvals).decide(dropping(0, "very-secret-name"), "d1")
    on_disk = b"".join(one.read_bytes() for one in tmp_path.glob("approvals.sqlite*"))
    settled = approvals.deny("d1", yes())

    with sqlite3.connect(tmp_path / "approvals.sqlite") as database:
        left = database.execute("SELECT args FROM requests").fetchall()
    database.close()

    assert b"very-secret-name" not in on_disk
    assert (settled.state, settled.args, left) == ("denied", None, [(None,)])


def test_what_is_settled_cannot_be_answered_again(approvals: Approvals) -> None:
    """A no stays a no; two people do not answer twice."""
    Desk(approvals).decide(dropping(0), "d1")
    approvals.deny("d1", yes())

    with pytest.raises(ApprovalError):
        approvals.grant("d1", yes(), Terms())
    with pytest.raises(ApprovalError):
        approvals.grant("unknown", yes(), Terms())

    assert Desk(approvals).decide(dropping(20), "d2") is False


def test_a_request_that_nobody_answered_waits_no_longer(approvals: Approvals) -> None:
    """After a week nobody knows any more what it was about."""
    Desk(approvals).decide(dropping(0), "d1")
    week = timedelta(days=7)

    assert waiting(approvals, START + week) == []
    with pytest.raises(ApprovalError):
        approvals.grant("d1", yes(week.total_seconds() + 1), Terms())


def test_where_something_else_refuses_too_nobody_is_asked() -> None:
    """A yes would change nothing."""
    call = build_call(0, tool="drop", access="delete", user="mallory")
    history = MemoryHistories().observe(call, JOB, passes=False)
    decision = conclude(judge(call, JOB, None), call, JOB, history)

    assert effects_of(call, JOB, history, decision, "d1") == ()


def test_drift_that_suspends_says_whom_and_why_and_shadow_never_does() -> None:
    """It never suspends in shadow."""
    found = []
    for mode in Mode:
        job = build_job(build_rule(Calls(per=HOUR), 0, "pace", on_drift=Drift.SUSPEND), mode=mode)
        call = build_call(0)
        history = MemoryHistories().observe(call, job, passes=True)
        decision = conclude(judge(call, job, ALICE), call, job, history)
        found.append(effects_of(call, job, history, decision, "d1"))

    assert found == [(Suspend(caller=build_call(0).caller, why="rule `pace`: 1 is above 0"),), ()]
