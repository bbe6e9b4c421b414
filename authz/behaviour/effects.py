"""What drift leads to besides the answer, as data: whoever owns keys and approvals carries it out."""

from dataclasses import dataclass

from authz.core.call import Call, Caller
from authz.core.decide import within
from authz.core.decision import Decision, Deny
from authz.core.history import History
from authz.core.persona import Persona
from authz.core.reason import Reason
from authz.core.rule import Drift


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend:
    """Suspend the key, or for a token the agent under this user and persona; only a person resumes it."""

    caller: Caller
    why: str
    """The rule that drifted and its figure, for the person who will read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Ask a person whether this very call may be made."""

    call: Call
    decision: str
    """Id of the decision that refused it: what the agent can quote."""
    rules: tuple[str, ...]
    """The rules that ask; a grant waives these and no other."""


def effects_of(
    call: Call, persona: Persona, history: History, decision: Decision, identity: str
) -> tuple[Suspend | Ask, ...]:
    """What is to be done about `decision`; nothing for what was let through, by shadow or otherwise."""
    if not isinstance(decision, Deny) or decision.shadowed:
        return ()
    suspends = [one for one in decision.objections if one.drift is Drift.SUSPEND]
    if suspends:
        return (Suspend(caller=call.caller, why="; ".join(one.detail for one in suspends)),)
    refused = [one for one in decision.objections if one.drift is not Drift.FLAG]
    # Where something else refuses as well, a person's yes would change nothing.
    if refused and all(one.reason is Reason.BEHAVIOUR_APPROVAL for one in refused):
        rules = tuple(
            rule.name
            for rule, figure in zip(persona.rules, history.figures, strict=True)
            if rule.on_drift is Drift.APPROVE and figure is not None and not figure <= rule.maximum
        )
        hours = (Reason.BEHAVIOUR_HOURS.value,) if _hours_ask(call, persona, history) else ()
        return (Ask(call=call, decision=identity, rules=(*rules, *hours)),)
    return ()


def may_ask(persona: Persona) -> bool:
    """Whether any rule of the persona asks a person: only then grants are worth a look."""
    hours = persona.hours
    if hours is not None and hours.on_drift is Drift.APPROVE:
        return True
    return any(rule.on_drift is Drift.APPROVE for rule in persona.rules)


def _hours_ask(call: Call, persona: Persona, history: History) -> bool:
    hours = persona.hours
    if hours is None or hours.on_drift is not Drift.APPROVE or Reason.BEHAVIOUR_HOURS.value in history.waived:
        return False
    return not within(hours, call)
