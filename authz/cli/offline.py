"""Decides calls that were written down: the same steps as on the way of a call, without a wire or a trail."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from authz.behaviour import lets_pass
from authz.compiler import Case, Compiled
from authz.compiler.calllog import Recorded, recorded
from authz.compiler.written.cases import CallLine
from authz.core.app import NOWHERE, Place
from authz.core.call import Call
from authz.core.decide import conclude, judge
from authz.core.decision import Allow, Decision, Effect, Objection, objections
from authz.core.history import History, Outcome
from authz.core.persona import Persona
from authz.label import labels_of
from authz.stores.histories_memory import MemoryHistories

_EXPECTED: Mapping[str, frozenset[Effect]] = {
    "allow": frozenset({Effect.ALLOWED, Effect.FLAGGED}),
    "deny": frozenset({Effect.DENIED, Effect.SHADOWED}),
    "flag": frozenset({Effect.FLAGGED}),
    "shadow": frozenset({Effect.SHADOWED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A call and what became of it."""

    recorded: Recorded
    persona: Persona
    decision: Decision
    history: History

    @property
    def call(self) -> Call:
        """The call that was judged."""
        return self.recorded.call

    @property
    def reasons(self) -> tuple[Objection, ...]:
        """All that is held against it."""
        return objections(self.decision)

    @property
    def place(self) -> Place:
        """The line of the definitions that decided."""
        decision = self.decision
        if isinstance(decision, Allow):
            return decision.grant.place
        return next((one.place for one in decision.objections if one.place.line), NOWHERE)

    @property
    def word(self) -> str:
        """`allow` or `deny`."""
        return "allow" if isinstance(self.decision, Allow) else "deny"


def judged(
    line: CallLine, persona: Persona, compiled: Compiled, histories: MemoryHistories, id_: str = ""
) -> Judged:
    """Decide one call after whatever `histories` holds."""
    found = recorded(line, persona, compiled)
    classes, unlabelled = labels_of(found.call.action)
    call = replace(found.call, classes=classes, unlabelled=unlabelled)
    judgement = judge(call, persona, found.user)
    history = histories.observe(call, persona, lets_pass(judgement, persona), decision=id_)
    decision = conclude(judgement, call, persona, history)
    return Judged(recorded=replace(found, call=call), persona=persona, decision=decision, history=history)


@dataclass(frozen=True, slots=True)
class Result:
    """How a case ended."""

    case: Case
    judged: Judged
    earlier: tuple[Judged, ...]

    @property
    def failure(self) -> str:
        """What is not as expected; empty when the case passed."""
        judged, case = self.judged, self.case
        codes = [one.reason.value for one in judged.reasons]
        effect = judged.decision.effect
        got = f"{effect} ({', '.join(codes)})" if codes else f"{effect} by {judged.place}"
        if effect not in _EXPECTED[case.expect]:
            return f"expected {case.expect}, got {got}"
        absent = sorted(case.reasons - set(codes))
        return f"expected {', '.join(absent)} among the reasons, got {got}" if absent else ""


def run_case(case: Case, compiled: Compiled) -> Result:
    """Carry out a case: its history first, then the call."""
    persona = compiled.definitions.personas[case.persona]
    histories = MemoryHistories()
    call = case.call
    first = recorded(call, persona, compiled).call
    at = first.at
    # Whoever is assumed for the call made the earlier ones as well, though others could have made those.
    user = first.caller.user if first.caller.user in compiled.definitions.users else call.user
    before: list[Judged] = []
    for index, one in enumerate(case.history):
        then = at - one.ago
        line = one.model_copy(
            update={"at": one.at or then, "user": one.user or user, "agent": one.agent or call.agent}
        )
        for turn in range(one.times):
            name = f"{index}.{turn}"
            before.append(judged(line, persona, compiled, histories, name))
            if one.outcome is not None:
                histories.outcome(Outcome(decision=name, at=_later(line.at or then), outcome=one.outcome))
    last = judged(call.model_copy(update={"at": at}), persona, compiled, histories)
    return Result(case, last, tuple(before))


def _later(at: datetime) -> datetime:
    return at + timedelta(milliseconds=1)
