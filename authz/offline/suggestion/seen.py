"""What a log shows of each persona: who called what, with which arguments, classes and rates."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final
from zoneinfo import ZoneInfo

from authz.compiler import Compiled
from authz.compiler.calllog import action_of
from authz.compiler.written.cases import CallLine
from authz.core.app import Access, App, Tool
from authz.core.arguments import as_text, find, steps_of
from authz.core.call import Action, Agent, Call, Caller, Kind
from authz.core.persona import Persona
from authz.label import labels_of
from authz.offline.suggestion.arguments import Arguments
from authz.offline.suggestion.rates import Rates, measured
from authz.offline.told import Fallback, Told

GUESSED: Final = "internal"
"""The data class of tools that no definition knows, until a person says better."""
MOST_TOOLS: Final = 2000
MOST_PEOPLE: Final = 5000
_VERBS: Final = (
    (Access.DELETE, ("delete", "remove", "drop", "purge", "cancel", "revoke", "destroy")),
    (Access.SEND, ("send", "export", "email", "mail", "publish", "share", "forward", "notify", "upload")),
    (Access.EXECUTE, ("run", "exec", "execute", "invoke", "deploy", "restart", "merge")),
    (
        Access.READ,
        ("get", "list", "search", "find", "read", "query", "fetch", "show", "describe", "lookup", "view"),
    ),
)


def guessed_access(tool: str) -> Access:
    """What a tool probably does, by its name; what no verb tells writes."""
    words = "".join(one if one.isalnum() else " " for one in tool).lower().split()
    first = words[0] if words else ""
    for access, verbs in _VERBS:
        if first in verbs or any(first.startswith(verb) for verb in verbs if len(verb) > 3):  # noqa: PLR2004 - `getaway`
            return access
    return Access.WRITE


@dataclass(slots=True)
class ToolSeen:
    """One tool."""

    tool: Tool
    kind: Kind
    known: bool
    """Whether a definition names it."""
    calls: int = 0
    refused: int = 0
    """Calls that ended denied when they were made."""
    users: set[str] = field(default_factory=set)
    arguments: Arguments = field(default_factory=Arguments)


@dataclass(slots=True)
class PersonaSeen:
    """All calls of one persona."""

    name: str
    calls: int = 0
    tools: dict[tuple[str, str], ToolSeen] = field(default_factory=dict)
    agents: dict[str, Counter[tuple[str | None, str | None, str | None]]] = field(default_factory=dict)
    """By id, how often each model, version and deployment called."""
    users: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    unlabelled: int = 0
    rates: Rates = field(default_factory=Rates)
    left_out: int = 0
    """Calls that name no app or no tool, or more tools than are told apart."""


class Evidence:
    """Gathers what calls show; the definitions, where there are any, say what tools are."""

    def __init__(self, compiled: Compiled | None, fallback: Fallback, zone: ZoneInfo) -> None:
        self._apps: Mapping[str, App] = compiled.definitions.apps if compiled is not None else {}
        self._fallback = fallback
        self._zone = zone
        self._shapes: dict[tuple[str, str], Action] = {}
        self._measured: dict[str, Persona] = {}
        self.personas: dict[str, PersonaSeen] = {}

    def add(self, told: Told) -> None:
        """One more call."""
        agent = told.agent or self._fallback.agent
        name = told.persona or self._fallback.persona or _named_after(agent)
        seen = self.personas.get(name)
        if seen is None:
            seen = self.personas[name] = PersonaSeen(name)
        seen.calls += 1
        if not told.tool or told.app is None or told.refused is not None or not _usual(told.kind):
            seen.left_out += told.kind is None or _usual(told.kind)
            return
        tool = self._tool(seen, told)
        if tool is None:
            seen.left_out += 1
            return
        tool.calls += 1
        tool.refused += told.outcome == "denied"
        tool.arguments.add(told.args, whole=told.whole)
        user = told.user or self._fallback.user
        if user is not None and (user in seen.users or len(seen.users) < MOST_PEOPLE):
            seen.users[user] += 1
            tool.users.add(user)
        if agent is not None:
            variants = seen.agents.setdefault(agent.id, Counter())
            variants[agent.model, agent.version, agent.deployment] += 1
        self._behaviour(seen, tool, told, Caller(agent=agent or _NOBODY, user=user or "", persona=name))

    def _tool(self, seen: PersonaSeen, told: Told) -> ToolSeen | None:
        app = told.app or ""
        shape = self._shapes.get((app, told.tool))
        if shape is None:
            shape = action_of(CallLine.model_construct(app=app, tool=told.tool, args={}), self._apps)
            if shape.tool is None:
                guess = Tool(
                    app=app,
                    name=told.tool,
                    access=guessed_access(told.tool),
                    classes=frozenset({GUESSED}),
                )
                shape = replace(shape, tool=guess)
            self._shapes[app, told.tool] = shape
        key = app, shape.tool.name if shape.tool is not None else told.tool
        found = seen.tools.get(key)
        if found is None and len(seen.tools) < MOST_TOOLS and shape.tool is not None:
            known = app in self._apps and shape.tool.place.line > 0
            found = seen.tools[key] = ToolSeen(shape.tool, shape.kind, known)
        return found

    def _behaviour(self, seen: PersonaSeen, tool: ToolSeen, told: Told, caller: Caller) -> None:
        shape = self._shapes[told.app or "", told.tool]
        target = shape.target
        if tool.tool.target:
            target = as_text(find(told.args, steps_of(tool.tool.target))[1]) or told.target
        args = told.args if told.whole or told.digest is None else {**told.args, "\0digest": told.digest}
        action = replace(shape, args=args, target=target)
        classes, unlabelled = labels_of(action)
        seen.classes.update(classes)
        seen.unlabelled += bool(unlabelled) or not classes
        if told.at is None:
            return
        call = Call(at=told.at, caller=caller, action=action, classes=classes, session=told.session)
        rules = self._measured.get(seen.name)
        if rules is None:
            rules = self._measured[seen.name] = measured(Persona(name=seen.name, version="", digest=""))
        seen.rates.add(call, told.outcome, self._zone, rules)


_NOBODY = Agent(id="unnamed")


def _usual(kind: Kind | None) -> bool:
    return kind in {None, Kind.TOOL, Kind.RESOURCE, Kind.PROMPT}


def _named_after(agent: Agent | None) -> str:
    """A persona's name for calls that name none."""
    text = agent.id if agent is not None else "suggested"
    plain = "".join(one if one.isascii() and (one.isalnum() or one in "._-") else "-" for one in text)
    return plain.lstrip("._-")[:128] or "suggested"
