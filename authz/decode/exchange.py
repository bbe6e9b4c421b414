"""What decoding brings: where a request goes, how its answer must be spoken, and what it asks for.

Values only; nothing here reads a byte.
"""

from dataclasses import dataclass, field
from functools import lru_cache

from authz.core.app import App
from authz.core.call import Action
from authz.core.decision import Refusal

MCP = "mcp"
REST = "rest"
GRPC = "grpc"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Which app a request is for, told before anything of its body is believed."""

    app: str | None = None
    """Name as the route, or the host, gives it; None when nothing names one."""
    protocol: str = UNKNOWN
    """`mcp`, `rest`, `grpc` or `unknown`: how a refusal has to be spoken."""
    virtual: bool = False
    """Whether this is the virtual MCP endpoint, where each name carries its app."""
    definition: App | None = None
    """The definition of `app`; None when there is none."""
    refusal: Refusal | None = None
    """What is wrong with the way to the app; raised by `decode`, after the caller has been identified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """How the answer to this request must be spoken."""

    protocol: str = UNKNOWN
    version: str = ""
    """MCP protocol version of this exchange, as the client says; empty when it said none."""
    stateless: bool = False
    """Whether MCP is spoken as from 2026-07-28: no session, results with `resultType`."""
    method: str = ""
    """MCP method, or the HTTP method of a request that carries no message."""
    id: str | int | None = None
    """JSON-RPC id, to be echoed; None when there is none or it could not be read."""
    has_id: bool = False
    """Whether the request is one that gets an answer with its id."""
    known: bool = True
    """Whether the method belongs to the era that is spoken."""
    error: int = 0
    """JSON-RPC error code that the protocol asks for; 0 when it asks for none."""
    virtual: bool = False
    """Whether names in the answer carry their app."""

    @staticmethod
    def unread(route: Route) -> "Exchange":
        """For a refusal before the request was decoded."""
        return _unread(route.protocol, route.virtual)


@lru_cache
def _unread(protocol: str, virtual: bool) -> Exchange:  # noqa: FBT001 - a key, made here
    return Exchange(protocol=protocol, virtual=virtual)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """What goes to the app instead of what the client sent: the message that was judged, written anew."""

    app: str
    """The app that gets it."""
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()
    """To be set, whatever the client sent under these names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """A request that could be read whole."""

    action: Action
    exchange: Exchange
    session: str | None = None
    """MCP session id; None outside of a session."""
    notes: tuple[str, ...] = ()
    """What the record should say besides, for example that a client sent a header of ours."""
    rewrite: Rewrite | None = None
    """On the virtual endpoint, for what belongs to an app; None elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A request that must not reach the app, because nobody can say for sure what it asks for."""

    refusal: Refusal
    exchange: Exchange = field(default_factory=Exchange)
    notes: tuple[str, ...] = ()
