"""ContextForge: rows of its audit trail that tell of tools, resources and prompts being used.

Its audit trail says who, when, what and whether it worked; arguments only where `context` holds them.
"""

from collections.abc import Iterable, Mapping

from authz.core.app import App
from authz.offline.formats.fields import Apps, agent_of, arguments, instant, members, text
from authz.offline.told import NO_ARGS, BadLineError, Told

_USES = frozenset(
    {"execute", "invoke", "invoke_tool", "call_tool", "tool_invocation", "access", "read_resource"}
)
_THINGS = frozenset({"tool", "resource", "prompt"})


class ContextForgeReader:
    """Reads audit rows."""

    def __init__(self, apps: Mapping[str, App]) -> None:
        self._apps = Apps(apps)

    def read(self, value: object) -> Iterable[Told]:
        """The call; nothing for rows about what was configured.

        Raises:
            BadLineError: it is no audit row.
        """
        if not isinstance(value, dict):
            raise BadLineError("is no object")
        action, thing = text(value, "action"), text(value, "resource_type")
        if action is None or thing is None:
            raise BadLineError("has no `action` and `resource_type`: is this ContextForge's audit trail?")
        if action.lower() not in _USES or thing.lower() not in _THINGS:
            return ()
        context = members(value.get("context"))
        details = {**context, **members(context.get("metadata")), **members(context.get("details"))}
        name = text(value, "resource_name") or text(details, "tool_name") or ""
        named = (text(details, "gateway_name", "server_name", "mcp_server_name"),)
        app, tool = self._apps.find(name, named)
        shown = next(
            (found for key in ("arguments", "args") if (found := arguments(details.get(key))) is not None),
            None,
        )
        told = Told(
            at=instant(value.get("timestamp")),
            agent=agent_of(text(details, "agent_id", "agent", "client_id")),
            user=text(value, "user_email", "user_id"),
            session=text(details, "session_id") or text(value, "correlation_id"),
            app=app,
            tool=tool,
            args=NO_ARGS if shown is None else shown,
            whole=shown is not None,
            outcome=_outcome(value.get("success")),
        )
        return (told,)


def _outcome(success: object) -> str | None:
    if success is None:
        return None
    return "ok" if success is True else "error"
