"""Envoy's access log as JSON, as Envoy, Istio, Envoy Gateway or the operator name its members.

No body is in it: a REST call shows the arguments of path and query, an MCP or gRPC call none.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from authz.audit.outcome import Entry, outcome_of
from authz.core.app import App
from authz.core.definitions import Definitions
from authz.core.request import Request
from authz.decode import Decoders
from authz.decode.exchange import Decoded
from authz.offline.formats.fields import Apps, agent_of, instant, number, text
from authz.offline.told import NO_ARGS, BadLineError, Told

_BODILESS = frozenset({"GET", "HEAD", "OPTIONS"})
NAMES: Mapping[str, tuple[str, ...]] = {
    "at": ("start_time", "at", "timestamp", "time", "@timestamp"),
    "agent": ("agent", "x_persona_agent", "agent_id", "x_agent_id", "gen_ai.agent.id"),
    "model": ("model", "agent_model", "gen_ai.request.model"),
    "version": ("agent_version", "gen_ai.agent.version"),
    "deployment": ("deployment", "agent_deployment"),
    "user": ("user", "x_persona_user", "user_id", "x_user_id", "user.id"),
    "persona": ("persona", "x_persona_name", "persona.name"),
    "session": ("session", "mcp_session_id", "mcp.session.id"),
    "app": ("app", "persona.app"),
    "cluster": ("upstream_cluster", "upstream_cluster_name", "cluster"),
    "route": ("route_name", "route"),
    "method": ("method", "request_method"),
    "path": ("path", "x_envoy_original_path", "x_envoy_origin_path", "request_path"),
    "host": ("authority", "host", "request_authority"),
    "tool": ("mcp_tool_name", "mcp_tool", "mcp_name", "gen_ai.tool.name", "tool"),
    "mcp_method": ("mcp_method", "mcp_method_name", "mcp.method.name"),
    "status": ("response_code", "status", "response_status"),
    "grpc_status": ("grpc_status", "grpc_status_number"),
    "upstream": ("upstream_host", "upstream_remote_address"),
    "details": ("response_code_details",),
    "sent": ("bytes_sent", "response_bytes"),
    "received": ("bytes_received", "request_bytes"),
}
"""By what it means, the names under which logs have it; `-` and `:` and capitals are levelled."""
_CALLS = frozenset({"tools/call", "resources/read", "prompts/get"})


class EnvoyReader:
    """Reads access-log entries."""

    def __init__(self, definitions: Definitions, fields: Mapping[str, str]) -> None:
        self._apps = Apps(definitions.apps)
        self._decoders = Decoders.of(definitions, app_from_host=True)
        self._methods = {
            (app.name, tool.match.method): tool.name
            for app in definitions.apps.values()
            if app.protocol == "grpc"
            for tool in app.tools.values()
            if tool.match is not None
        }
        self._names = {**NAMES, **{name: (level(key), *NAMES[name]) for name, key in fields.items()}}

    def read(self, value: object) -> Iterable[Told]:
        """The call of the entry; nothing for what is none, such as a preflight or a session method.

        Raises:
            BadLineError: it is no entry.
        """
        if not isinstance(value, dict):
            raise BadLineError("is no object")
        entry = {level(name): one for name, one in value.items()}
        method, path = self._text(entry, "method"), self._text(entry, "path")
        tool = self._text(entry, "tool")
        if method is None and path is None and tool is None:
            raise BadLineError("names neither `method` and `path` nor a tool: is this Envoy's access log?")
        app = self._app(entry, tool)
        told = self._who(entry)
        definition = self._apps.apps.get(app or "")
        if definition is not None and definition.protocol == "rest" and tool is None:
            return (self._rest(entry, definition, told),)
        if definition is not None and definition.protocol == "grpc" and path is not None:
            name = self._methods.get((definition.name, path), path)
            return (replace(told, app=app, tool=name, args=NO_ARGS, whole=False),)
        mcp_method = self._text(entry, "mcp_method")
        if tool is None and (method in _BODILESS or (mcp_method is not None and mcp_method not in _CALLS)):
            return ()
        app, tool = self._apps.find(tool or "", [app])
        return (replace(told, app=app, tool=tool, args=NO_ARGS, whole=False),)

    def _text(self, entry: Mapping[str, object], name: str) -> str | None:
        return text(entry, *self._names[name])

    def _number(self, entry: Mapping[str, object], name: str) -> int | None:
        return number(entry, *self._names[name])

    def _app(self, entry: Mapping[str, object], tool: str | None) -> str | None:
        """As said; else the cluster or route of that name, the host, the tool's prefix."""
        said = self._text(entry, "app")
        if said is not None:
            return said
        for one in (self._text(entry, "cluster"), self._text(entry, "route")):
            if one is not None and one in self._apps.apps:
                return one
        host = self._text(entry, "host")
        if host is not None:
            return self._decoders.route(Request(host=host)).app
        return self._apps.find(tool, [])[0] if tool is not None else None

    def _who(self, entry: Mapping[str, object]) -> Told:
        at = next((entry[name] for name in self._names["at"] if entry.get(name) is not None), None)
        agent = agent_of(
            self._text(entry, "agent"),
            self._text(entry, "model"),
            self._text(entry, "version"),
            self._text(entry, "deployment"),
        )
        return Told(
            at=instant(at),
            agent=agent,
            user=self._text(entry, "user"),
            persona=self._text(entry, "persona"),
            session=self._text(entry, "session"),
            outcome=self._outcome(entry),
            sent=self._number(entry, "sent"),
        )

    def _outcome(self, entry: Mapping[str, object]) -> str | None:
        status = self._number(entry, "status")
        grpc_status = self._number(entry, "grpc_status")
        if status is None and grpc_status is None:
            return None
        upstream_logged = any(name in entry for name in self._names["upstream"])
        upstream = self._text(entry, "upstream") if upstream_logged else "unknown"
        found = outcome_of(
            Entry(
                decision=None,
                at=_SOME,
                status=status,
                grpc_status=grpc_status,
                upstream=upstream,
                denied=(self._text(entry, "details") or "").startswith("ext_authz_denied"),
            )
        )
        return "error" if found == "not_forwarded" else found

    def _rest(self, entry: Mapping[str, object], app: App, told: Told) -> Told:
        method, path = self._text(entry, "method") or "", self._text(entry, "path") or "/"
        request = Request(method=method, path=path, context={"app": app.name})
        decoded = self._decoders.decode(request, self._decoders.route(request))
        if not isinstance(decoded, Decoded):
            name = f"{method} {path.partition('?')[0]}"
            reason = decoded.refusal.objection.reason
            return replace(told, app=app.name, tool=name, args=NO_ARGS, whole=True, refused=reason)
        bare = method in _BODILESS or self._number(entry, "received") == 0
        return replace(told, app=app.name, tool=decoded.action.name, args=decoded.action.args, whole=bare)


_SOME = datetime.fromtimestamp(0, UTC)
"""An outcome does not depend on when."""


def level(name: str) -> str:
    """`:authority`, `X-Agent-Id` and `x_agent_id` as one spelling."""
    return name.lower().lstrip(":").replace("-", "_")
