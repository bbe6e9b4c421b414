"""The apps as compiled: which tools exist, what they need, where they are found on the wire."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Access(StrEnum):
    """What a tool does to the world."""

    READ = "read"
    WRITE = "write"
    DELETE = "delete"
    EXECUTE = "execute"
    SEND = "send"

    # A key of look-ups on the way of every call; an enumeration's own hash is a function in Python.
    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the definitions something stands."""

    file: str = ""
    line: int = 0
    """From 1; 0 means not from a file."""
    column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


NOWHERE = Place()
"""For what was not read from a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """How a REST or gRPC tool is recognised."""

    method: str
    """HTTP method (REST), or the full gRPC method `/package.Service/Method`."""
    path: str = ""
    """REST route template: `/v1/accounts/{account}/balance`; empty for gRPC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelTable:
    """Classes by the value of one argument (or of the target): patterns that add, never remove."""

    argument: str
    """Dotted path below the arguments (`account`, `to.address`); `` (empty) means the target."""
    classes_of: Callable[[str], frozenset[str]]
    """Classes for one value; empty when no pattern matches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One thing an app can do: a tool, or for MCP a resource pattern or a prompt."""

    app: str
    name: str
    access: Access
    classes: frozenset[str] = frozenset()
    """Data classes it always touches."""
    target: str | None = None
    """Dotted path of the argument that says what the call is about."""
    match: Match | None = None
    """None for MCP, where the name is on the wire."""
    review: bool = False
    """Imported and not yet looked at by a person: denied as if no definition named it."""
    labels: tuple[LabelTable, ...] = ()
    recorded: frozenset[str] = frozenset()
    """Arguments that may enter the trail in clear."""
    definition: bytes | None = None
    """The pinned definition (JSON) that agents are shown in a list; None when nothing is pinned."""
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """A system behind Envoy."""

    name: str
    protocol: str
    """`mcp`, `rest` or `grpc`."""
    url: str = ""
    hosts: frozenset[str] = frozenset()
    """Lower-case host names that belong to this app."""
    authorization: str = "strip"
    """`strip`, `passthrough` or `inject`: what the app gets as `Authorization`."""
    assertion: str = "cached"
    """`cached`, or `per-call` to have the decision id and the digest of the arguments inside."""
    descriptors: bytes | None = None
    """gRPC: serialized FileDescriptorSet; None when request messages cannot be read."""
    tools: Mapping[str, Tool] = field(default_factory=dict)
    """By name."""
    resources: tuple[Tool, ...] = ()
    """MCP resource patterns; `name` is the glob over URIs."""
    prompts: Mapping[str, Tool] = field(default_factory=dict)
    client_requests: frozenset[str] = frozenset()
    """What the server may ask of the client: `sampling`, `elicitation`, `roots`."""
    place: Place = NOWHERE
