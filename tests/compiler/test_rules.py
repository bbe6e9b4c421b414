"""`behaviour:` as compiled: one rule for each thing that is counted."""

from dataclasses import replace
from datetime import time, timedelta

import pytest

from authz.core.app import NOWHERE, Access
from authz.core.persona import Persona
from authz.core.reason import Reason
from authz.core.rule import (
    Calls,
    Concurrency,
    Distinct,
    Drift,
    Egress,
    FirstUse,
    Pace,
    Probes,
    Repeats,
    Rule,
    Selector,
    Sequence,
    SessionCalls,
    SessionLength,
    Sum,
)
from tests.compiler.world import compiled, decided, errors, swapped

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BEFORE = (
    "{sequences: [{before: {tools: close_ticket}, require: {tools: [get_ticket], outcome: ok}, "
    "within: 1h, same: target}]}"
)
LIMIT, SEQUENCE = Reason.BEHAVIOUR_LIMIT, Reason.BEHAVIOUR_SEQUENCE


def text(block: str) -> str:
    """The canonical set with a `behaviour:` block, given in flow style."""
    return swapped("data:\n  allow", f"behaviour: {block}\ndata:\n  allow")


def persona(block: str) -> Persona:
    """The persona with the block."""
    return compiled(text(block)).definitions.personas["support"]


@pytest.mark.parametrize(
    ("block", "rule"),
    [
        (
            "{limits: [{name: pace, calls: 60, per: 1m}]}",
            Rule(name="pace", reason=LIMIT, watch=Calls(per=MINUTE), maximum=60),
        ),
        (
            "{limits: [{calls: 20, per: 1h, app: tickets, tools: ['*_reply'], access: write, data: [pii]}]}",
            Rule(
                name="limits[0]",
                reason=LIMIT,
                watch=Calls(per=HOUR),
                maximum=20,
                selector=Selector(
                    apps=frozenset({"tickets"}),
                    tools=frozenset({"draft_reply"}),
                    access=frozenset({Access.WRITE}),
                    data=("pii",),
                ),
            ),
        ),
        (
            "{limits: [{name: breadth, distinct: target, max: 200, per: 1d, by: [agent]}]}",
            Rule(
                name="breadth",
                reason=LIMIT,
                watch=Distinct(argument="target", per=DAY),
                maximum=200,
                by=frozenset({"agent"}),
            ),
        ),
        (
            "{limits: [{name: spend, sum: args.amount, max: 500, per: 1d, on_drift: approve}]}",
            Rule(
                name="spend",
                reason=LIMIT,
                watch=Sum(argument="args.amount", per=DAY, reads_lack=True),
                maximum=500,
                on_drift=Drift.APPROVE,
            ),
        ),
        (
            "{limits: [{name: spend, sum: args.amount, max: 500, per: 1d, app: billing}]}",
            Rule(
                name="spend",
                reason=LIMIT,
                watch=Sum(argument="args.amount", per=DAY),
                maximum=500,
                selector=Selector(apps=frozenset({"billing"})),
            ),
        ),
        (
            "{limits: [{name: out, egress: bytes, max: 1000, per: 1h}]}",
            Rule(name="out", reason=LIMIT, watch=Egress(per=HOUR, unit="bytes"), maximum=1000),
        ),
        (
            "{session: {idle: 10m, calls: 500}}",
            Rule(
                name="session.calls",
                reason=Reason.BEHAVIOUR_SESSION,
                watch=SessionCalls(idle=10 * MINUTE),
                maximum=500,
            ),
        ),
        (
            "{session: {max: 8h}}",
            Rule(
                name="session.max",
                reason=Reason.BEHAVIOUR_SESSION,
                watch=SessionLength(idle=30 * MINUTE),
                maximum=8 * 3600,
            ),
        ),
        (
            "{repeats: {max: 3, per: 10m, ignore: args.id}, on_drift: flag}",
            Rule(
                name="repeats",
                reason=Reason.BEHAVIOUR_REPEAT,
                watch=Repeats(per=10 * MINUTE, ignore=frozenset({"id"})),
                maximum=3,
                on_drift=Drift.FLAG,
            ),
        ),
        (
            "{probes: {outcomes: [not_found], max: 5, per: 1h, remember: 7d}}",
            Rule(
                name="probes",
                reason=Reason.BEHAVIOUR_PROBE,
                watch=Probes(outcomes=frozenset({"not_found"}), per=HOUR, remember=7 * DAY),
                maximum=5,
            ),
        ),
        (
            "{pace: {max: 20}}",
            Rule(name="intervals", reason=LIMIT, watch=Pace(), maximum=20),
        ),
        (
            "{first_use: {of: target, remember: 7d, on_drift: flag}}",
            Rule(
                name="first_use",
                reason=LIMIT,
                watch=FirstUse(argument="target", remember=7 * DAY),
                maximum=0,
                on_drift=Drift.FLAG,
            ),
        ),
        (
            "{concurrency: {max: 5, lease: 1m}}",
            Rule(name="concurrency", reason=LIMIT, watch=Concurrency(lease=MINUTE), maximum=5),
        ),
        (
            "{sequences: [{name: s, after: {data: [untrusted]}, within: 1h, deny: {access: [send, write]}}]}",
            Rule(
                name="s",
                reason=SEQUENCE,
                watch=Sequence(
                    after=Selector(data=("untrusted",)),
                    then=Selector(access=frozenset({Access.SEND, Access.WRITE})),
                    within=HOUR,
                ),
                maximum=0,
                selector=Selector(access=frozenset({Access.SEND, Access.WRITE})),
            ),
        ),
        (
            BEFORE,
            Rule(
                name="sequences[0]",
                reason=SEQUENCE,
                watch=Sequence(
                    after=Selector(tools=frozenset({"get_ticket"}), outcomes=frozenset({"ok"})),
                    then=Selector(tools=frozenset({"close_ticket"})),
                    within=HOUR,
                    require=True,
                    same_target=True,
                ),
                maximum=0,
                selector=Selector(tools=frozenset({"close_ticket"})),
            ),
        ),
    ],
)
def test_each_kind_of_rule_compiles(block: str, rule: Rule) -> None:
    """Whole objects: what is counted, by whom, up to what, and what drift leads to."""
    [found] = persona(block).rules

    assert found.place != NOWHERE
    assert replace(found, place=NOWHERE) == rule


def test_hours_compile_with_their_zone() -> None:
    """`24:00` is the end of the day; all days unless some are given."""
    hours = persona('{hours: {timezone: Europe/Berlin, from: "07:00", to: "24:00", on_drift: flag}}').hours

    assert hours is not None
    assert (hours.start, hours.end, hours.days) == (time(7), time(0), frozenset(range(7)))
    assert hours.on_drift is Drift.FLAG


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("2026-03-02T05:59:59Z", "behaviour.hours"),
        ("2026-03-02T06:00:00Z", "allow"),
        ("2026-03-02T18:59:59Z", "allow"),
        ("2026-03-02T19:00:00Z", "behaviour.hours"),
        ("2026-03-30T05:00:00Z", "allow"),
        ("2026-03-30T18:00:00Z", "behaviour.hours"),
        ("2026-03-01T10:00:00Z", "behaviour.hours"),
    ],
)
def test_hours_follow_the_clock_of_their_zone(at: str, code: str) -> None:
    """Seven in Berlin is six in UTC in winter and five in summer."""
    made = compiled(
        text(
            '{hours: {timezone: Europe/Berlin, days: [mon, tue, wed, thu, fri], from: "07:00", to: "20:00"}}'
        )
    )

    assert decided(made, app="tickets", tool="get_ticket", at=at) == code


@pytest.mark.parametrize(
    ("at", "code"),
    [
        ("2026-03-02T22:00:00Z", "allow"),
        ("2026-03-03T05:59:00Z", "allow"),
        ("2026-03-03T06:00:00Z", "behaviour.hours"),
        ("2026-03-03T22:00:00Z", "behaviour.hours"),
        ("2026-03-02T05:00:00Z", "behaviour.hours"),
    ],
)
def test_hours_over_midnight_belong_to_the_day_on_which_they_begin(at: str, code: str) -> None:
    """Monday's night shift ends on Tuesday morning."""
    made = compiled(text('{hours: {timezone: UTC, days: [mon], from: "22:00", to: "06:00"}}'))

    assert decided(made, app="tickets", tool="get_ticket", at=at) == code


@pytest.mark.parametrize(
    ("block", "problem"),
    [
        ('{hours: {timezone: Mars, from: "07:00", to: "20:00"}}', "unknown time zone `Mars`"),
        ("{hours: {timezone: ../../etc/passwd, from: '07:00', to: '20:00'}}", "unknown time zone"),
        ('{hours: {timezone: UTC, from: "7:00", to: "20:00"}}', "`7:00` is no time of day"),
        ('{hours: {timezone: UTC, from: "07:00", to: "07:00"}}', "ends when it begins"),
        ("{limits: [{per: 1m}]}", "needs one of `calls`, `distinct`, `sum` and `egress`"),
        ("{limits: [{calls: 1, sum: args.x, per: 1m}]}", "needs one of"),
        ("{limits: [{calls: 1, max: 2, per: 1m}]}", "`max` is not for `calls`"),
        ("{limits: [{sum: args.x, per: 1m}]}", "`max` is missing"),
        ("{limits: [{sum: x, max: 1, per: 1m}]}", "`x` names no argument: write `args.` and its path"),
        ("{limits: [{calls: 1}]}", "`per` is missing"),
        ("{limits: [{calls: 1, per: 0s}]}", "`0s` is no duration"),
        ("{limits: [{calls: 1, per: 60}]}", "`60` is no duration"),
        ("{limits: [{calls: -1, per: 1m}]}", "greater than or equal to 0"),
        ("{limits: [{calls: 1, per: 1m, tools: [x]}]}", "no app has a tool `x`"),
        ("{limits: [{calls: 1, per: 1m, app: ticket}]}", "unknown app `ticket`, did you mean `tickets`?"),
        ("{limits: [{calls: 1, per: 1m, by: [team]}]}", "`team` is none of key, agent, user, persona"),
        (
            "{limits: [{name: a, calls: 1, per: 1m}, {name: a, calls: 1, per: 1h}]}",
            "rule `a` is there already",
        ),
        ("{session: {idle: 30m}}", "needs `calls` or `max`"),
        ("{probes: {outcomes: [], max: 1, per: 1h}}", "`outcomes` names none"),
        ("{sequences: [{after: {}, within: 1h}]}", "needs `after` with `deny`, or `before` with `require`"),
        ("{sequences: [{after: {}, require: {}, within: 1h}]}", "needs `after` with `deny`"),
        ("{sequences: [{after: {}, deny: {outcome: ok}, within: 1h}]}", "unknown key `outcome`"),
        ("{pace: {max: 9, shortest: 1h, longest: 1m}}", "`shortest` is not below `longest`"),
        ("{on_drift: warn}", "`warn` is none of deny, flag, suspend, approve"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_an_error(block: str, problem: str) -> None:
    """A limit that was mistyped would limit nothing."""
    [found] = errors(text(block))

    assert problem in found
