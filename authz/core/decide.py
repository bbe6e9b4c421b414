"""The decision. Pure and total: no I/O, no clock, no exceptions."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from authz.core.call import Call, Kind
from authz.core.checks import agent_admitted, data_allowed, tool_granted, user_entitled, user_known
from authz.core.decision import Allow, Decision, Deny, Objection
from authz.core.history import History
from authz.core.persona import Grant, Mode, Persona
from authz.core.reason import WAIVED_BY_SHADOW, Reason
from authz.core.rule import Drift, Hours
from authz.core.user import User

# Tuples and not sets: members are found by identity, where a set would hash a name in Python.
CONSUMING = (Kind.TOOL, Kind.RESOURCE, Kind.PROMPT)
DRIFTING = (*CONSUMING, Kind.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the first three layers say: the grant, and all objections."""

    grant: Grant | None
    objections: tuple[Objection, ...]

    @property
    def passes(self) -> bool:
        """Whether the first three layers let the call pass."""
        return not self.objections


def decide(call: Call, persona: Persona, user: User | None, history: History) -> Decision:
    """Allow `call` only if a grant of `persona` names its action and no layer objects.

    Every check runs, so that a refusal lists all that was wrong, not just the first thing.
    """
    return conclude(judge(call, persona, user), call, persona, history)


def judge(call: Call, persona: Persona, user: User | None) -> Judgement:
    """The first three layers, without a look at what the caller did before."""
    known = user_known(call, persona, user)
    entitled = user_entitled(call, persona, user)
    admitted = agent_admitted(call, persona, user)
    granted = tool_granted(call, persona, user)
    cleared = data_allowed(call, persona, user)
    if isinstance(granted, Grant):
        if known is None and entitled is None and admitted is None and cleared is None:
            return Judgement(granted, ())
        found = (known, entitled, admitted, cleared)
        return Judgement(granted, tuple(one for one in found if one is not None))
    objections = tuple(one for one in (known, entitled, admitted, granted, cleared) if one is not None)
    return Judgement(None, objections)


def conclude(judgement: Judgement, call: Call, persona: Persona, history: History) -> Decision:
    """The fourth layer and the decision."""
    drifts = behaviour(call, persona, history)
    if not drifts and judgement.grant is not None and not judgement.objections:
        return Allow(judgement.grant)
    flags = tuple(one for one in drifts if one.drift is Drift.FLAG)
    objections = (*judgement.objections, *(one for one in drifts if one.drift is not Drift.FLAG))
    if judgement.grant is not None and not objections:
        return Allow(judgement.grant, flags)
    waived = persona.mode is Mode.SHADOW and all(one.reason in WAIVED_BY_SHADOW for one in objections)
    return Deny((*objections, *flags), judged=True, shadowed=waived)


def behaviour(call: Call, persona: Persona, history: History) -> tuple[Objection, ...]:
    """All that layer 4 holds against the call. Session methods consume nothing and drift from nothing."""
    if call.action.kind not in DRIFTING:
        return ()
    found: list[Objection] = []
    hours = persona.hours
    if hours is not None and Reason.BEHAVIOUR_HOURS.value not in history.waived and not within(hours, call):
        reason = Reason.BEHAVIOUR_APPROVAL if hours.on_drift is Drift.APPROVE else Reason.BEHAVIOUR_HOURS
        detail = f"outside the hours of persona `{persona.name}`"
        found.append(Objection(reason, detail, hours.place, hours.on_drift))
    if len(history.figures) != len(persona.rules):
        # INVARIANT: a history was asked for these very rules; judging by another one could permit.
        return (*found, Objection(Reason.INTERNAL, "history does not belong to this persona"))
    for rule, figure in zip(persona.rules, history.figures, strict=True):
        # `<=` and not `>`: a figure that is no number is above every maximum.
        if figure is None or figure <= rule.maximum:
            continue
        reason = Reason.BEHAVIOUR_APPROVAL if rule.on_drift is Drift.APPROVE else rule.reason
        detail = f"rule `{rule.name}`: {figure:g} is above {rule.maximum:g}"
        found.append(Objection(reason, detail, rule.place, rule.on_drift))
    return tuple(found)


def within(hours: Hours, call: Call) -> bool:
    """Whether the call falls into the hours of the job."""
    return inside(hours, call.at)


def inside(hours: Hours, at: datetime) -> bool:
    """Whether the instant falls into the hours of the job, in their own time zone."""
    local = at.astimezone(hours.zone)
    now = local.time()
    if hours.start < hours.end:
        return local.weekday() in hours.days and hours.start <= now < hours.end
    if now >= hours.start:
        return local.weekday() in hours.days
    return now < hours.end and (local - timedelta(days=1)).weekday() in hours.days
