"""AgentDojo's suites as plain data: which calls each task makes, and where an attacker's text is first read.

The one module that knows the package. Nothing of it is copied here: tasks are read from it at run time.
"""

import importlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import yaml

VERSION = "v1.2.2"
"""Of the benchmark."""
ATTACKER = "mark.black-2134@gmail.com"
"""Who gets what is stolen, in the suite `workspace`."""
MARK = "<<what an attacker wrote>>"
Args: TypeAlias = Mapping[str, Any]
Jobs: TypeAlias = Mapping[str, Mapping[str, Any]]
"""By suite: `jobs` (persona to numbers of user tasks), `harmless` tools, `reconstructed` injection tasks."""


class UnknownTaskError(Exception):
    """A task that no job does: the table of jobs is older than the package."""


@dataclass(frozen=True, slots=True)
class Step:
    """One call."""

    tool: str
    args: Args


@dataclass(frozen=True, slots=True, kw_only=True)
class UserTask:
    """What a user asks for."""

    name: str
    persona: str
    """The job that the asked agent has."""
    steps: tuple[Step, ...]
    read: int
    """How many steps are done when an attacker's text is first read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InjectionTask:
    """What an attacker wants."""

    name: str
    steps: tuple[Step, ...]
    harmful: frozenset[int]
    """Which of the steps do harm; looking things up before does none yet."""
    ours: bool
    """Whether the steps are our reading of its goal, because the suite gives none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Tasks over one set of tools."""

    name: str
    users: tuple[UserTask, ...]
    injections: tuple[InjectionTask, ...]


def read_jobs(path: Path) -> Jobs:
    """The table of jobs."""
    found: Jobs = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def package_suite(name: str) -> Any:  # noqa: ANN401 - the package publishes no types that could be relied on
    """The suite as the package has it."""
    loading = importlib.import_module("agentdojo.task_suite.load_suites")
    return loading.get_suites(VERSION)[name]


def load(name: str, jobs: Jobs, *, attacker: str | None = None) -> Suite:
    """A suite as plain data; with `attacker` that address takes the place of the attacker's own."""
    suite = package_suite(name)
    of_task = {f"user_task_{number}": job for job, those in jobs[name]["jobs"].items() for number in those}
    missing = sorted(set(suite.user_tasks) - set(of_task))
    if missing:
        raise UnknownTaskError(f"{name}: no job for {', '.join(missing)}")
    users = [_user_task(suite, key, task, of_task[key]) for key, task in suite.user_tasks.items()]
    return Suite(
        name=name,
        users=tuple(sorted(users, key=lambda one: _number(one.name))),
        injections=tuple(_as(attacker, one) for one in _injections(suite, jobs[name])),
    )


def _as(attacker: str | None, task: InjectionTask) -> InjectionTask:
    if attacker is None:
        return task
    steps = [
        Step(one.tool, json.loads(json.dumps(dict(one.args)).replace(ATTACKER, attacker)))
        for one in task.steps
    ]
    return replace(task, steps=tuple(steps))


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])


def _user_task(suite: Any, key: str, task: Any, persona: str) -> UserTask:  # noqa: ANN401 - as above
    calls = _ground_truth(suite, task, {})
    marked = dict.fromkeys(suite.get_injection_vector_defaults(), MARK)
    # The calls are those of a day without an attack: a name that an attacker gave is no task of the user's.
    reads = [at for at, (_, answer) in enumerate(_ground_truth(suite, task, marked), 1) if MARK in answer]
    steps = tuple(step for step, _ in calls)
    return UserTask(name=key, persona=persona, steps=steps, read=reads[0] if reads else len(steps))


def _ground_truth(suite: Any, task: Any, injected: Mapping[str, str]) -> list[tuple[Step, str]]:  # noqa: ANN401 - as above
    """The task's calls and their answers, in a world with these texts of an attacker."""
    runtime = importlib.import_module("agentdojo.functions_runtime")
    environment = task.init_environment(suite.load_and_inject_default_environment(injected))
    tools = runtime.FunctionsRuntime(suite.tools)
    found: list[tuple[Step, str]] = []
    for call in task.ground_truth(environment):
        answer, _ = tools.run_function(environment, call.function, call.args)
        found.append((Step(call.function, dict(call.args)), str(answer)))
    return found


def _injections(suite: Any, jobs: Mapping[str, Any]) -> Iterable[InjectionTask]:  # noqa: ANN401 - as above
    environment = suite.load_and_inject_default_environment({})
    harmless = frozenset(jobs["harmless"])
    ours: Mapping[str, list[dict[str, Args]]] = jobs.get("reconstructed", {})
    for key, task in suite.injection_tasks.items():
        steps = [Step(one.function, dict(one.args)) for one in task.ground_truth(environment)]
        own = not steps
        if own:
            steps = [Step(tool, args) for one in ours.get(key, ()) for tool, args in one.items()]
        harmful = [at for at, one in enumerate(steps) if one.tool not in harmless]
        # A task that only looks something up does its harm by looking: a request carries its address out.
        yield InjectionTask(
            name=key,
            steps=tuple(steps),
            harmful=frozenset(harmful or [len(steps) - 1][: len(steps)]),
            ours=own,
        )
