"""Every method of both eras of MCP, by name, and what it is governed as. What is not here is denied."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from authz.core.call import Kind

STATELESS_VERSIONS = frozenset({"2026-07-28"})
SESSION_VERSIONS = frozenset({"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"})
SUPPORTED = tuple(sorted(STATELESS_VERSIONS, reverse=True))
"""What a client is told that may choose a version for each request; an older one begins a session."""
OLDEST_ASSUMED = "2025-03-26"
"""What a client that sends no version header speaks (2025-11-25, transports)."""

BOTH = frozenset({True, False})
STATELESS = frozenset({True})
SESSION = frozenset({False})


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """How one method is governed."""

    kind: Kind
    eras: frozenset[bool]
    """Whether it exists where no session does (True), where one does (False), or both."""
    name: str = ""
    """The member of `params` that names what is called; empty for a method that names nothing."""
    mirrored: str = ""
    """The member of `params` that `Mcp-Name` repeats in the stateless era; empty for none."""
    notification: bool = False


def _session(eras: frozenset[bool], *, mirrored: str = "", notification: bool = False) -> Method:
    return Method(kind=Kind.SESSION, eras=eras, mirrored=mirrored, notification=notification)


METHODS: Mapping[str, Method] = MappingProxyType(
    {
        "tools/call": Method(kind=Kind.TOOL, eras=BOTH, name="name", mirrored="name"),
        "prompts/get": Method(kind=Kind.PROMPT, eras=BOTH, name="name", mirrored="name"),
        "resources/read": Method(kind=Kind.RESOURCE, eras=BOTH, name="uri", mirrored="uri"),
        "resources/subscribe": Method(kind=Kind.RESOURCE, eras=SESSION, name="uri"),
        "resources/unsubscribe": Method(kind=Kind.RESOURCE, eras=SESSION, name="uri"),
        # Their names stand deeper: read by `authz.decode.mcp.call`.
        "completion/complete": Method(kind=Kind.PROMPT, eras=BOTH),
        "subscriptions/listen": Method(kind=Kind.RESOURCE, eras=STATELESS),
        "initialize": _session(SESSION),
        "ping": _session(SESSION),
        "logging/setLevel": _session(SESSION),
        "server/discover": _session(STATELESS),
        "tools/list": _session(BOTH),
        "prompts/list": _session(BOTH),
        "resources/list": _session(BOTH),
        "resources/templates/list": _session(BOTH),
        "tasks/get": _session(BOTH, mirrored="taskId"),
        "tasks/cancel": _session(BOTH, mirrored="taskId"),
        "tasks/update": _session(STATELESS, mirrored="taskId"),
        "tasks/result": _session(SESSION),
        "tasks/list": _session(SESSION),
        "notifications/initialized": _session(SESSION, notification=True),
        "notifications/cancelled": _session(BOTH, notification=True),
        "notifications/progress": _session(SESSION, notification=True),
        "notifications/roots/list_changed": _session(SESSION, notification=True),
        "notifications/tasks/status": _session(SESSION, notification=True),
    }
)

LISTS: Mapping[str, str] = MappingProxyType(
    {
        "tools/list": "tools",
        "prompts/list": "prompts",
        "resources/list": "resources",
        "resources/templates/list": "resourceTemplates",
    }
)
"""Methods that list what there is, and the member of the result that holds the list."""
