"""The call log of the contracts, one JSON line per call."""

from collections.abc import Iterable
from datetime import UTC, datetime

import orjson

from authz.compiler import DefinitionsError
from authz.compiler.calllog import parse_line
from authz.compiler.written.cases import CallLine
from authz.core.call import Agent
from authz.offline.told import NO_ARGS, BadLineError, Told

_KEYS = frozenset({"at", "agent", "user", "persona", "session", "app", "tool", "args", "outcome"})
_AGENT = frozenset({"id", "model", "version", "deployment", "workload"})
_OUTCOMES = frozenset({None, "ok", "not_found", "denied", "error"})
_MOST = 10_000
_YEARS = range(1970, 9001)


class CallsReader:
    """Reads lines; what is usual without the model that says what is wrong with the rest."""

    def __init__(self) -> None:
        self._agents: dict[tuple[object, ...], Agent] = {}
        self._named: set[str] = set()
        """Personas' names that the model has accepted."""

    def read(self, value: object) -> Iterable[Told]:
        """The one call of the line.

        Raises:
            BadLineError: it is none.
        """
        told = self._usual(value) if isinstance(value, dict) else None
        return (told if told is not None else self._checked(value),)

    def _usual(self, value: dict[str, object]) -> Told | None:
        """The call, or None when anything is out of the usual."""
        if not value.keys() <= _KEYS:
            return None
        get = value.get
        at, agent = _instant(get("at")), self._agent(get("agent"))
        user, persona, tool = get("user"), get("persona"), get("tool")
        session, app, args, outcome = get("session"), get("app"), get("args"), get("outcome")
        if (
            at is None
            or agent is None
            or type(user) is not str
            or not user
            or type(tool) is not str
            or not tool
            or type(app) is not str
            or not app
            or not (persona is None or (type(persona) is str and persona in self._named))
            or not (session is None or type(session) is str)
            or not (args is None or type(args) is dict)
            or outcome not in _OUTCOMES
        ):
            return None
        return Told(
            at=at,
            agent=agent,
            user=user,
            persona=persona,
            session=session,
            app=app,
            tool=tool,
            args=args or NO_ARGS,
            outcome=outcome,
        )

    def _agent(self, value: object) -> Agent | None:
        if type(value) is not dict or not value.keys() <= _AGENT:
            return None
        key = tuple(map(value.get, ("id", "model", "version", "deployment", "workload")))
        try:
            return self._agents.get(key)
        except TypeError:
            return None

    def _checked(self, value: object) -> Told:
        try:
            line = parse_line(orjson.dumps(value), "line")
        except DefinitionsError as error:
            raise BadLineError("; ".join(one.message for one in error.problems)) from None
        agent = _agent_of(line)
        if agent is not None and len(self._agents) < _MOST:
            key = (agent.id, agent.model, agent.version, agent.deployment, agent.workload)
            self._agents[key] = agent
        if line.persona is not None and len(self._named) < _MOST:
            self._named.add(line.persona)
        return Told(
            at=None if line.at is None else line.at.astimezone(UTC),
            agent=agent,
            user=line.user,
            persona=line.persona,
            session=line.session,
            app=line.app,
            tool=line.tool,
            args=line.args or NO_ARGS,
            outcome=line.outcome,
        )


def _agent_of(line: CallLine) -> Agent | None:
    if line.agent is None:
        return None
    return Agent(id=line.agent) if isinstance(line.agent, str) else Agent(**line.agent.model_dump())


def _instant(value: object) -> datetime | None:
    if type(value) is not str:
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    if at.tzinfo is None or at.year not in _YEARS:
        return None
    return at if at.tzinfo is UTC else at.astimezone(UTC)
