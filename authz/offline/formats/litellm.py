"""LiteLLM: the standard logging payload of MCP tool calls (`call_type: call_mcp_tool`), and spend logs.

The tool, its server and its arguments are in `mcp_tool_call_metadata`; who called is in the key's metadata.
"""

from collections.abc import Iterable, Mapping

from authz.core.app import App
from authz.offline.formats.fields import Apps, agent_of, arguments, instant, members, text
from authz.offline.told import NO_ARGS, BadLineError, Told

_TOOL_CALL = "mcp_tool_call_metadata"


class LiteLlmReader:
    """Reads payloads."""

    def __init__(self, apps: Mapping[str, App]) -> None:
        self._apps = Apps(apps)

    def read(self, value: object) -> Iterable[Told]:
        """The call; nothing for calls of models.

        Raises:
            BadLineError: it is no payload.
        """
        if not isinstance(value, dict):
            raise BadLineError("is no object")
        metadata = members(value.get("metadata"))
        call = members(value.get(_TOOL_CALL)) or members(metadata.get(_TOOL_CALL))
        if not call:
            if "call_type" not in value:
                raise BadLineError(
                    "has neither `call_type` nor `mcp_tool_call_metadata`: is this LiteLLM's log?"
                )
            if value["call_type"] != "call_mcp_tool":
                return ()
        name = text(call, "name") or text(value, "mcp_namespaced_tool_name") or ""
        app, tool = self._apps.find(name, [text(call, "mcp_server_name"), _prefix(call)])
        shown = arguments(call.get("arguments"))
        told = Told(
            at=instant(_first(value, "startTime", "start_time", "startTimeUnix")),
            agent=agent_of(
                text(metadata, "agent_id", "user_api_key_agent_id", "user_api_key_alias")
                or text(value, "agent_id"),
                None if value.get("call_type") == "call_mcp_tool" else text(value, "model"),
            ),
            user=text(value, "end_user", "user")
            or text(metadata, "user_api_key_end_user_id", "user_api_key_user_email", "user_api_key_user_id"),
            session=text(value, "session_id", "trace_id"),
            app=app,
            tool=tool,
            args=NO_ARGS if shown is None else shown,
            whole=shown is not None,
            outcome=_outcome(value),
        )
        return (told,)


def _prefix(call: Mapping[str, object]) -> str | None:
    """The server before the tool in `server/tool`."""
    named = text(call, "namespaced_tool_name")
    return named.partition("/")[0] if named is not None and "/" in named else None


def _first(value: Mapping[str, object], *names: str) -> object:
    return next((value[name] for name in names if value.get(name) is not None), None)


def _outcome(value: Mapping[str, object]) -> str | None:
    status = text(value, "status")
    if status is None:
        return None
    if status == "success":
        return "ok"
    code = str(members(value.get("error_information")).get("error_code") or "")
    return {"404": "not_found", "401": "denied", "403": "denied"}.get(code, "error")
