"""One action of one agent: what every protocol is decoded into, and what is judged."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from authz.core.app import Tool

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


class Kind(StrEnum):
    """What sort of action it is; only tools, resources and prompts consume anything."""

    TOOL = "tool"
    RESOURCE = "resource"
    PROMPT = "prompt"
    SESSION = "session"
    """A session, discovery or list method, or a notification: needs any grant in the app."""
    ANSWER = "answer"
    """A client's answer to a request of the server (no `method`)."""
    UNKNOWN = "unknown"
    """A method that no era of the protocol knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """The program that acts, as its credential says."""

    id: str
    model: str | None = None
    version: str | None = None
    """PEP 440."""
    deployment: str | None = None
    workload: str | None = None
    """SPIFFE id that was proven for this call; None when nothing proved one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is calling, proven: the agent, the user on whose behalf, and the persona it must keep to."""

    agent: Agent
    user: str
    persona: str
    key: str | None = None
    """Id of the Agent Access Key (or digest of the token); never a secret."""
    proof: str = "key"
    """How the agent was proven: `key`, `token` or `workload`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """What is to be done. After decoding nothing knows which protocol it was."""

    protocol: str
    """`mcp`, `rest` or `grpc`; for the record only."""
    app: str | None
    """Name of the App; None when the request names none."""
    name: str
    """Tool, resource or prompt as the agent named it; the method where there is no such name."""
    method: str = ""
    """`mcp.method.name`, HTTP method and route template, or gRPC method; for the record and the span."""
    kind: Kind = Kind.TOOL
    tool: Tool | None = None
    """The definition of what is called; None when no definition names it."""
    args: Mapping[str, Json] = field(default_factory=dict)
    """Arguments, unjudged: the agent's word."""
    target: str | None = None
    """What the action is about: the value of the argument that the definition calls `target`."""
    everywhere: bool = False
    """A session method on the endpoint that stands for all apps: any grant in any of them will do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One action by one proven caller at one instant."""

    at: datetime
    """Aware, UTC."""
    caller: Caller
    action: Action
    classes: frozenset[str] = frozenset()
    """Data classes that the action touches, from the definitions and the catalogue."""
    unlabelled: str = ""
    """Why the classes cannot be told, though a table of labels asks for them; empty when they can."""
    session: str | None = None
    """Protocol session id, where there is one."""
