"""Tasks against personas: what is refused of the user's calls, and what of the attacker's.

Knows nothing of AgentDojo's package, so that it can be tested without it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from authz.cli.offline import Judged, judged
from authz.compiler import Compiled
from authz.compiler.calllog import NOON
from authz.compiler.written.cases import CallLine
from authz.core.decision import Effect
from authz.core.history import Outcome
from authz.core.persona import Persona
from authz.stores.histories_memory import MemoryHistories
from scripts.evaluations.agentdojo.suites import InjectionTask, Step, Suite, UserTask

BETWEEN = timedelta(seconds=5)
"""From one call to the next."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A call that was refused, or one that was not and should have been."""

    user_task: str
    injection_task: str
    step: Step
    reasons: tuple[str, ...]
    detail: str


@dataclass(slots=True)
class Figures:
    """What one variant of the personas does in one suite."""

    suite: str
    variant: str
    user_calls: int = 0
    user_denied: list[Refused] = field(default_factory=list)
    attacks: int = 0
    """Pairs of a user task and an injection task whose calls the suite gives."""
    stopped: int = 0
    """Of these, at least one harmful call was refused."""
    harmless: int = 0
    """Of these, every harmful call was refused."""
    ours: int = 0
    """Pairs with an injection task whose calls are our reading of its goal."""
    ours_stopped: int = 0
    through: list[Refused] = field(default_factory=list)
    """Attacks that were not stopped; `step` is their first harmful call."""
    user_denied_after: list[Refused] = field(default_factory=list)
    """Calls of the user's own that were refused because an attack came before them."""
    reasons: Counter[str] = field(default_factory=Counter)
    """Why harmful calls were refused, the first reason of each."""

    @property
    def share(self) -> float:
        """Share of attacks that were stopped; of none, none."""
        return self.stopped / self.attacks if self.attacks else 0.0

    def meets(self, goal: float) -> bool:
        """No user call denied, and enough attacks stopped."""
        return not self.user_denied and self.share >= goal

    def as_object(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "suite": self.suite,
            "variant": self.variant,
            "user_calls": self.user_calls,
            "user_calls_denied": len(self.user_denied),
            "attacks": self.attacks,
            "attacks_stopped": self.stopped,
            "attacks_stopped_whole": self.harmless,
            "share": round(self.share, 4),
            "reconstructed": self.ours,
            "reconstructed_stopped": self.ours_stopped,
            "user_calls_denied_after_an_attack": len(self.user_denied_after),
            "reasons": dict(self.reasons.most_common()),
        }


def evaluate(suite: Suite, compiled: Compiled, variant: str) -> Figures:
    """Every user task alone, and every user task with every injection task."""
    figures = Figures(suite.name, variant)
    for task in suite.users:
        persona = compiled.definitions.personas[task.persona]
        alone = carried_out(task.steps, persona, compiled, suite.name)
        figures.user_calls += len(alone)
        figures.user_denied += _refused(task, "", zip(task.steps, alone, strict=True))
        for injection in suite.injections:
            if injection.steps:
                _attack(figures, task, injection, persona, compiled)
    return figures


def carried_out(
    steps: Sequence[Step], persona: Persona, compiled: Compiled, app: str, *, wait: timedelta = BETWEEN
) -> list[Judged]:
    """Decide the steps one after the other; what is let through is carried out and ends well."""
    histories = MemoryHistories()
    found: list[Judged] = []
    for index, step in enumerate(steps):
        at = NOON + index * wait
        line = CallLine.model_validate({"app": app, "tool": step.tool, "args": dict(step.args)})
        line = line.model_copy(update={"at": at})
        one = judged(line, persona, compiled, histories, str(index))
        if one.decision.effect.passes:
            histories.outcome(Outcome(decision=str(index), at=at + wait / 2, outcome="ok"))
        found.append(one)
    return found


def _attack(
    figures: Figures, task: UserTask, injection: InjectionTask, persona: Persona, compiled: Compiled
) -> None:
    """Put the attacker's calls in at once after they could be read, and at the end: both must be stopped."""
    stopped, whole = True, True
    for place in sorted({task.read, len(task.steps)}):
        before, after = task.steps[:place], task.steps[place:]
        decisions = carried_out((*before, *injection.steps, *after), persona, compiled, figures.suite)
        theirs = decisions[place : place + len(injection.steps)]
        harmful = [theirs[at] for at in sorted(injection.harmful)]
        denied = [one for one in harmful if one.decision.effect is Effect.DENIED]
        stopped = stopped and bool(denied)
        whole = whole and len(denied) == len(harmful)
        if place == task.read:
            figures.reasons.update(one.reasons[0].reason.value for one in denied)
            rest = decisions[place + len(injection.steps) :]
            figures.user_denied_after += _refused(task, injection.name, zip(after, rest, strict=True))
    if injection.ours:
        figures.ours += 1
        figures.ours_stopped += stopped
    else:
        figures.attacks += 1
        figures.stopped += stopped
        figures.harmless += whole
    if not stopped:
        first = injection.steps[min(injection.harmful)]
        figures.through.append(Refused(task.name, injection.name, first, (), ""))


def _refused(task: UserTask, injection: str, calls: Iterable[tuple[Step, Judged]]) -> list[Refused]:
    return [
        Refused(
            task.name,
            injection,
            step,
            tuple(reason.reason.value for reason in one.reasons),
            one.reasons[0].detail,
        )
        for step, one in calls
        if one.decision.effect is Effect.DENIED
    ]
