"""Decides the calls of a log in their order: their own instants and outcomes drive the behaviour rules.

The steps are those on the way of a call. What the log lacks is never held against a call.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from authz.behaviour import NOTHING, lets_pass
from authz.compiler import Compiled
from authz.compiler.calllog import NO_AGENT, NOON, SOMEBODY, action_of, as_proven, assumed_user
from authz.compiler.written.cases import CallLine
from authz.core.arguments import as_text, find, steps_of
from authz.core.call import Action, Call, Caller, Kind
from authz.core.checks import ON_ANY_GRANT
from authz.core.decide import Judgement, conclude, judge
from authz.core.decision import Allow, Decision, Deny, Objection
from authz.core.history import Outcome
from authz.core.persona import Persona
from authz.core.reason import Reason
from authz.core.rule import Concurrency, Drift, Egress, Rule
from authz.core.user import User
from authz.label import NONE, labels_of
from authz.offline.lacking import Standing, blind, candidates, classes_of, needed, standing
from authz.offline.told import Ended, Fallback, Told
from authz.stores.histories_memory import MemoryHistories

_DIGEST: Final = "\0digest"
"""Stands for all arguments where only their digest is known: equal for equal arguments."""
_MOST: Final = 10_000


class Word(StrEnum):
    """What became of a call in the replay."""

    ALLOW = "allow"
    DENY = "deny"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A call and what these definitions say to it."""

    told: Told
    word: Word
    persona: str | None
    agent: str
    user: str
    reasons: tuple[Objection, ...] = ()
    """What refuses it."""
    flags: tuple[Objection, ...] = ()
    """Drift that is let through and noted."""
    lacking: tuple[str, ...] = ()
    """What the log would have to hold for a decision."""
    shadowed: bool = False
    """Denied, and let through because the persona is in shadow mode."""
    assumed: bool = False
    """Whether agent or user were taken for granted."""
    call: Call | None = None
    grant: str | None = None
    """The grant that permits."""


class Judge:
    """Definitions, and what their callers did so far in the log."""

    def __init__(self, compiled: Compiled, fallback: Fallback | None = None) -> None:
        self._compiled = compiled
        self._definitions = compiled.definitions
        self._fallback = fallback or Fallback()
        self._histories = MemoryHistories()
        self._callers: dict[tuple[object, ...], Caller] = {}
        self._users: dict[tuple[str, str | None, str], User | None] = {}
        self._shapes: dict[tuple[str | None, str], tuple[Action, tuple[str, ...]]] = {}
        self._unsized: set[tuple[str, str, str]] = set()
        self._without_hours: dict[str, Persona] = {}
        self._by_ends = frozenset(
            persona.name
            for persona in compiled.definitions.personas.values()
            if any(isinstance(one.watch, Egress | Concurrency) for one in persona.rules)
        )
        """Personas with rules that need to know when calls end, or how much they carry."""
        self._serial = 0

    def decide(self, told: Told) -> Verdict:
        """What becomes of the call; it counts for those after it as it would have."""
        persona, missing = self._persona(told)
        if persona is None or told.refused is not None:
            return self._unjudged(told, missing)
        if not told.tool:
            return self._undecided(told, persona.name, "which tool was called")
        action = self._action(told)
        user, name = self._user(told, persona, action)
        caller = self._caller(told, name, persona)
        classes, unlabelled = labels_of(action) if told.whole else (NONE, "")
        call = Call(
            at=told.at or NOON,
            caller=caller,
            action=action,
            classes=classes,
            unlabelled=unlabelled,
            session=told.session,
        )
        if told.whole:
            return self._concluded(told, call, persona, judge(call, persona, user), ())
        call, judgement, lacking = _judged_in_part(call, persona, user, told)
        return self._concluded(told, call, persona, judgement, lacking)

    def ended(self, ended: Ended) -> None:
        """Learn how a call ended that was told before."""
        self._histories.outcome(
            Outcome(decision=ended.identity, at=ended.at, outcome=ended.outcome, sent=ended.sent)
        )

    def _concluded(
        self, told: Told, call: Call, persona: Persona, judgement: Judgement, lacking: tuple[str, ...]
    ) -> Verdict:
        if told.at is None:
            lacking += self._hours_unknown(persona)
            persona = self._timeless(persona)
        rules = self._blind(told, call, persona) if persona.rules else ()
        self._serial += 1
        identity = told.identity or f"{self._serial}"
        history = self._histories.observe(
            call,
            persona,
            lets_pass(judgement, persona),
            decision=identity,
            waived=frozenset(one.name for one in rules) if rules else NOTHING,
        )
        lacking += tuple(f"what rule `{one.name}` counts" for one in rules if needed(one))
        decision: Decision = conclude(judgement, call, persona, history)
        if not told.identity and persona.rules:
            self._end(told, call, identity)
        return _verdict(told, call, persona, decision, lacking)

    def _hours_unknown(self, persona: Persona) -> tuple[str, ...]:
        hours = persona.hours
        if hours is None or hours.on_drift is Drift.FLAG:
            return ()
        return ("when the call was made",)

    def _timeless(self, persona: Persona) -> Persona:
        """The persona for a call that has no instant: one object, so that its counts stay."""
        if persona.hours is None:
            return persona
        found = self._without_hours.get(persona.name)
        if found is None:
            found = self._without_hours[persona.name] = replace(persona, hours=None)
        return found

    def _blind(self, told: Told, call: Call, persona: Persona) -> tuple[Rule, ...]:
        if told.whole and told.at is not None and persona.name not in self._by_ends:
            return ()
        whom = (persona.name, call.caller.agent.id, call.caller.user)
        if told.sent is None and not told.identity:
            self._unsized.add(whom)
        sized = whom not in self._unsized
        return tuple(blind(call, persona, told, sized=sized, ends=bool(told.identity)))

    def _end(self, told: Told, call: Call, identity: str) -> None:
        """The line tells how the call ended; it ends when it began, for nothing says how long it took."""
        outcome = Outcome(
            decision=identity, at=call.at, outcome=told.outcome or "unknown", sent=told.sent or 0
        )
        self._histories.outcome(outcome)

    def _persona(self, told: Told) -> tuple[Persona | None, str]:
        """The persona, or what the log would have to say."""
        personas = self._definitions.personas
        name = told.persona or self._fallback.persona
        if name is not None:
            return personas.get(name), ""
        if len(personas) == 1:
            return next(iter(personas.values())), ""
        agent = told.agent or self._fallback.agent
        admitting = [
            one for one in personas.values() if agent and any(agent.id == it.id for it in one.agents)
        ]
        return (admitting[0], "") if len(admitting) == 1 else (None, "under which persona it was made")

    def _unjudged(self, told: Told, missing: str) -> Verdict:
        if told.refused is not None:
            return self._refused(told, Objection(told.refused, "such a request is refused unread"))
        if missing:
            return self._undecided(told, None, missing)
        name = told.persona or self._fallback.persona
        return self._refused(told, Objection(Reason.AGENT_UNKNOWN, f"persona `{name}` is not defined"))

    def _refused(self, told: Told, why: Objection) -> Verdict:
        return Verdict(
            told=told,
            word=Word.DENY,
            persona=told.persona,
            agent=self._agent_name(told),
            user=told.user or "",
            reasons=(why,),
        )

    def _undecided(self, told: Told, persona: str | None, missing: str) -> Verdict:
        return Verdict(
            told=told,
            word=Word.UNDECIDED,
            persona=persona,
            agent=self._agent_name(told),
            user=told.user or "",
            lacking=(missing,),
        )

    def _agent_name(self, told: Told) -> str:
        agent = told.agent or self._fallback.agent
        return agent.id if agent is not None else ""

    def _action(self, told: Told) -> Action:
        apps = self._definitions.apps
        if told.kind in ON_ANY_GRANT or told.kind is Kind.UNKNOWN:
            app = apps.get(told.app or "")
            protocol = app.protocol if app is not None else "mcp"
            everywhere = told.app is None and told.kind is Kind.SESSION
            return Action(
                protocol=protocol, app=told.app, name=told.tool, kind=told.kind, everywhere=everywhere
            )
        shape, steps = self._shape(told)
        args = told.args
        target = shape.target
        if steps:
            target = as_text(find(args, steps)[1])
        if not told.whole:
            target = target or told.target
            args = args if told.digest is None else {**args, _DIGEST: told.digest}
        return Action(
            protocol=shape.protocol,
            app=shape.app,
            name=shape.name,
            kind=shape.kind,
            tool=shape.tool,
            args=args,
            target=target,
        )

    def _shape(self, told: Told) -> tuple[Action, tuple[str, ...]]:
        """The action without arguments, and where its target is among them."""
        key = told.app, told.tool
        found = self._shapes.get(key)
        if found is None:
            if len(self._shapes) >= _MOST:
                self._shapes.clear()
            line = CallLine.model_construct(app=told.app, tool=told.tool, args={})
            action = action_of(line, self._definitions.apps)
            tool = action.tool
            steps = steps_of(tool.target) if tool is not None and tool.target else ()
            found = self._shapes[key] = action, steps
        return found

    def _user(self, told: Told, persona: Persona, action: Action) -> tuple[User | None, str]:
        name = told.user or self._fallback.user
        if name is not None:
            return self._definitions.users.get(name), name
        key = persona.name, action.app, action.name
        if key not in self._users:
            if len(self._users) >= _MOST:
                self._users.clear()
            self._users[key] = assumed_user(action, persona, self._compiled)
        user = self._users[key]
        return user, user.id if user is not None else SOMEBODY

    def _caller(self, told: Told, user: str, persona: Persona) -> Caller:
        agent = told.agent or self._fallback.agent or self._compiled.examples.get(persona.name, NO_AGENT)
        key = agent, user, persona.name
        known = self._callers.get(key)
        if known is None:
            if len(self._callers) >= _MOST:
                self._callers.clear()
            known = self._callers[key] = Caller(
                agent=as_proven(agent, persona), user=user, persona=persona.name
            )
        return known


def _judged_in_part(
    call: Call, persona: Persona, user: User | None, told: Told
) -> tuple[Call, Judgement, tuple[str, ...]]:
    """The first three layers by what the log shows: what it does not show objects to nothing."""
    classes, unread = classes_of(call, told)
    call = replace(call, classes=classes)
    judgement = judge(call, persona, user)
    objections, grant = judgement.objections, judgement.grant
    lacking: tuple[str, ...] = ()
    if unread:
        objections = tuple(one for one in objections if one.reason is not Reason.DATA_UNLABELLED)
        lacking += tuple(f"`{one}`, which tells the data classes" for one in unread)
    if call.action.tool is not None and call.action.kind not in ON_ANY_GRANT:
        found, grant = standing(candidates(call, persona), call, user, told)
        if found is not Standing.UNMET:
            objections = tuple(one for one in objections if one.reason is not Reason.TOOL_CONDITION)
        if found is Standing.UNKNOWN and grant is not None:
            lacking += (f"the arguments that {grant.id} has conditions on",)
    return call, Judgement(grant, objections), lacking


def _verdict(
    told: Told, call: Call, persona: Persona, decision: Decision, lacking: tuple[str, ...]
) -> Verdict:
    reasons: tuple[Objection, ...] = ()
    if isinstance(decision, Allow):
        word = Word.UNDECIDED if lacking else Word.ALLOW
        flags = decision.flags
    else:
        word, lacking = Word.DENY, ()
        reasons = tuple(one for one in decision.objections if one.drift is not Drift.FLAG)
        flags = tuple(one for one in decision.objections if one.drift is Drift.FLAG)
    return Verdict(
        told=told,
        word=word,
        persona=persona.name,
        agent=call.caller.agent.id,
        user=call.caller.user,
        reasons=reasons,
        flags=flags,
        lacking=lacking,
        shadowed=isinstance(decision, Deny) and decision.shadowed,
        assumed=told.agent is None or told.user is None,
        call=call,
        grant=decision.grant.id if isinstance(decision, Allow) else None,
    )
