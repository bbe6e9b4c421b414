"""A line of the call log as a call. What it leaves out is assumed, where something must be."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import orjson

from authz.compiler.compilation import Compiled
from authz.compiler.globs import glob
from authz.compiler.people import together
from authz.compiler.problem import DefinitionsError, Problems
from authz.compiler.source import Document
from authz.compiler.validate import validate
from authz.compiler.written.cases import CallLine
from authz.core.app import Access, App, Tool
from authz.core.arguments import as_text, find, steps_of
from authz.core.call import Action, Agent, Call, Caller, Kind
from authz.core.decide import inside
from authz.core.persona import Persona
from authz.core.user import Entitlement, User

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
"""The instant of a call that names none: a Monday."""
SOMEBODY = "somebody"
"""Id of a user who is thought up, where the definitions name no person."""
NO_AGENT = Agent(id="unnamed")


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call as it would be judged; its data classes are still to be looked up."""

    call: Call
    user: User | None
    assumed: tuple[str, ...]
    """What the line left out: any of `agent`, `workload`, `user`, `at`."""


def parse_line(text: str | bytes, name: str) -> CallLine:
    """One line of JSON.

    Raises:
        DefinitionsError: it is none; places are of `name`.
    """
    problems = Problems()
    document = Document(name, None, 0)
    try:
        document = Document(name, orjson.loads(text), 0)
    except orjson.JSONDecodeError as error:
        problems.error(document.at(), f"is not JSON: {error.msg}")
    line = None if problems.errors else validate(document, CallLine, problems, set())
    if line is None or problems.errors:
        raise DefinitionsError(problems.errors)
    return line


def recorded(line: CallLine, persona: Persona, compiled: Compiled) -> Recorded:
    """The call that the line tells of, under a persona."""
    action = action_of(line, compiled.definitions.apps)
    assumed: list[str] = []
    if line.agent is None:
        assumed.append("agent")
        agent = compiled.examples.get(persona.name, NO_AGENT)
    elif isinstance(line.agent, str):
        agent = Agent(id=line.agent)
    else:
        agent = Agent(**line.agent.model_dump())
    said = (
        line.agent is not None
        and not isinstance(line.agent, str)
        and "workload" in line.agent.model_fields_set
    )
    proven = agent if said else as_proven(agent, persona)
    if proven is not agent:
        assumed.append("workload")
        agent = proven
    if line.user is None:
        assumed.append("user")
        user = assumed_user(action, persona, compiled)
    else:
        user = compiled.definitions.users.get(line.user)
    at = line.at
    if at is None:
        assumed.append("at")
        at = assumed_instant(persona)
    name = line.user or (user.id if user else SOMEBODY)
    caller = Caller(agent=agent, user=name, persona=persona.name)
    call = Call(at=at.astimezone(UTC), caller=caller, action=action, session=line.session)
    return Recorded(call, user, tuple(assumed))


def as_proven(agent: Agent, persona: Persona) -> Agent:
    """The agent with the workload that its entry asks for, where it is written down without any.

    A call log says which agent it was, not what mTLS proved: that is taken as given. One that is stated,
    `workload: null` included, is judged as it stands.
    """
    if agent.workload is not None:
        return agent
    for entry in persona.agents:
        if (
            entry.id == agent.id
            and entry.workload is not None
            and (entry.model is None or (agent.model is not None and entry.model(agent.model)))
            and (entry.version is None or (agent.version is not None and entry.version(agent.version)))
            and (entry.deployments is None or agent.deployment in entry.deployments)
        ):
            return replace(agent, workload=entry.workload)
    return agent


def action_of(line: CallLine, apps: Mapping[str, App]) -> Action:
    """What is to be done: a tool, a prompt or a resource of the app, or something that nothing names."""
    app = apps.get(line.app) if line.app is not None else None
    kind, tool = _named(app, line.tool) if app is not None else (Kind.TOOL, None)
    args = line.args or {}
    target = line.tool if kind is Kind.RESOURCE else None
    if tool is not None and tool.target:
        _, value = find(args, steps_of(tool.target))
        target = as_text(value)
    return Action(
        protocol=app.protocol if app is not None else "mcp",
        app=line.app,
        name=line.tool,
        kind=kind,
        tool=tool,
        args=args,
        target=target,
    )


def _named(app: App, name: str) -> tuple[Kind, Tool | None]:
    if name in app.tools:
        return Kind.TOOL, app.tools[name]
    if name in app.prompts:
        return Kind.PROMPT, app.prompts[name]
    for resource in app.resources:
        if glob(resource.name)(name):
            return Kind.RESOURCE, resource
    return Kind.TOOL, None


def assumed_user(action: Action, persona: Persona, compiled: Compiled) -> User | None:
    """Somebody whom the persona works for, and who is entitled to the action where anybody is."""
    admitted = [
        one
        for _, one in sorted(compiled.definitions.users.items())
        if one.active and (one.id in persona.users or not persona.groups.isdisjoint(one.groups))
    ]
    candidates = admitted or list(_somebody(persona, compiled))
    entitled = (one for one in candidates if _entitled(one, action))
    return next(entitled, candidates[0] if candidates else None)


def _entitled(user: User, action: Action) -> bool:
    entitlement = user.entitlements.get(action.app or "")
    tool = action.tool
    if entitlement is None or tool is None:
        return False
    return tool.access in entitlement.access or (action.kind is Kind.TOOL and tool.name in entitlement.tools)


def _somebody(persona: Persona, compiled: Compiled) -> Iterable[User]:
    """Members of the persona's groups, where the directory names groups and no people."""
    groups = compiled.definitions.groups
    for name in sorted(persona.groups):
        if name in groups:
            yield _member(SOMEBODY, {name}, compiled)
    known = sorted(persona.groups & groups.keys())
    if len(known) > 1:
        yield _member(SOMEBODY, set(known), compiled)
    # What is known elsewhere only: nobody here can say what they may not do.
    everything = dict.fromkeys(compiled.definitions.apps, Entitlement(access=frozenset(Access)))
    for name in sorted(persona.users - compiled.definitions.users.keys()):
        yield User(id=name, active=True, entitlements=everything)
    for name in sorted(persona.groups - groups.keys()):
        yield User(id=SOMEBODY, active=True, groups=frozenset({name}), entitlements=everything)


def _member(name: str, groups: set[str], compiled: Compiled) -> User:
    found = [one for group in groups for one in compiled.definitions.groups[group].items()]
    return User(id=name, active=True, groups=frozenset(groups), entitlements=together(found))


def assumed_instant(persona: Persona) -> datetime:
    """An instant inside the persona's hours."""
    hours = persona.hours
    if hours is None or inside(hours, NOON):
        return NOON
    for day in range(14):
        local = datetime.combine((NOON + timedelta(days=day)).date(), hours.start, hours.zone)
        at = local.astimezone(UTC)
        if inside(hours, at):
            return at
    return NOON
