"""The decision: allow only with a grant and no objection; a refusal lists all that was wrong."""

import math
from dataclasses import replace

import pytest

from authz.compiler.calllog import recorded
from authz.compiler.written.cases import CallLine
from authz.core.call import Call, Kind
from authz.core.decide import behaviour, decide, judge
from authz.core.decision import Allow, Deny, Effect, layers
from authz.core.history import History
from authz.core.persona import Persona
from authz.core.reason import Reason
from authz.core.user import User
from authz.label import labels_of
from tests.compiler.world import compiled, swapped

LIMITS = """\
behaviour:
  limits:
    - {name: pace, calls: 5, per: 1m}
    - {name: watched, calls: 5, per: 1h, on_drift: flag}
    - {name: asked, calls: 5, per: 1d, on_drift: approve}
data:
  allow"""


def world(mode: str = "enforce", tool: str = "get_ticket") -> tuple[Call, Persona, User | None]:
    """A call that the first three layers let pass, unless the tool is another."""
    text = swapped("data:\n  allow", LIMITS)
    made = compiled(swapped("agents:\n", f"mode: {mode}\nagents:\n", text))
    persona = made.definitions.personas["support"]
    found = recorded(CallLine.model_validate({"app": "tickets", "tool": tool}), persona, made)

    return replace(found.call, classes=labels_of(found.call.action)[0]), persona, found.user


@pytest.mark.parametrize(
    ("figures", "effect", "codes"),
    [
        ((5, 5, 5), Effect.ALLOWED, []),
        ((None, None, None), Effect.ALLOWED, []),
        ((6, 1, 1), Effect.DENIED, ["behaviour.limit"]),
        ((1, 6, 1), Effect.FLAGGED, ["behaviour.limit"]),
        ((1, 1, 6), Effect.DENIED, ["behaviour.approval"]),
        ((6, 6, 6), Effect.DENIED, ["behaviour.limit", "behaviour.approval", "behaviour.limit"]),
        ((math.nan, 1, 1), Effect.DENIED, ["behaviour.limit"]),
        ((math.inf, 1, 1), Effect.DENIED, ["behaviour.limit"]),
        ((1, 1), Effect.DENIED, ["internal"]),
        ((), Effect.DENIED, ["internal"]),
    ],
)
def test_figures_are_judged_by_their_rules(
    figures: tuple[float | None, ...], effect: Effect, codes: list[str]
) -> None:
    """What is no number is above every maximum; a history of another persona judges nothing."""
    decision = decide(*world(), History(figures=figures))

    assert decision.effect is effect
    found = decision.flags if isinstance(decision, Allow) else decision.objections
    assert [one.reason.value for one in found] == codes


def test_what_the_first_layers_say_does_not_depend_on_the_history() -> None:
    """A call is observed only after they were asked."""
    call, persona, user = world(tool="close_ticket")

    judgement = judge(call, persona, user)

    assert [one.reason for one in judgement.objections] == [Reason.TOOL_NOT_GRANTED]
    assert not judgement.passes
    for figures in ((1, 1, 1), (9, 9, 9)):
        decision = decide(call, persona, user, History(figures=figures))
        assert isinstance(decision, Deny)
        assert decision.objections[:1] == judgement.objections


def test_shadow_lets_through_and_a_broken_history_does_not() -> None:
    """Our own failure is never waived."""
    call, persona, user = world("shadow", "close_ticket")

    assert decide(call, persona, user, History(figures=(9, 9, 9))).effect is Effect.SHADOWED
    assert decide(call, persona, user, History()).effect is Effect.DENIED


def test_every_layer_has_a_mark() -> None:
    """Pass, fail, and nothing skipped where the call was judged."""
    call, persona, user = world(tool="close_ticket")

    marks = layers(decide(call, persona, user, History(figures=(9, 1, 1))))

    assert {layer.value: mark.value for layer, mark in marks.items()} == {
        "user": "pass",
        "agent": "pass",
        "tool": "fail",
        "data": "pass",
        "behaviour": "fail",
    }


def test_a_session_method_drifts_from_nothing() -> None:
    """It consumes nothing, so no rule is about it."""
    call, persona, _ = world()
    session = replace(call, action=replace(call.action, kind=Kind.SESSION, tool=None))

    assert behaviour(session, persona, History()) == ()
