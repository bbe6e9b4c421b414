"""OTLP traces as JSON: the spans of tool calls, by OpenTelemetry's names and those that gateways use.

GenAI and MCP conventions first; then agentgateway (`mcp.target`), ToolHive (`mcp.server.name`,
`mcp.tool.name`), FastMCP (`fastmcp.server.name`), Kuadrant (`mcp.server`), Pomerium (`mcp.tool`), and our own
`persona.*`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from authz.core.app import App
from authz.offline.formats.fields import Apps, agent_of, arguments, instant, number, text
from authz.offline.told import NO_ARGS, BadLineError, Told

Attributes: TypeAlias = dict[str, object]

TOOL = ("gen_ai.tool.name", "mcp.tool.name", "mcp.tool")
OTHERS = ("mcp.resource.uri", "gen_ai.prompt.name", "mcp.prompt.name")
ARGUMENTS = ("gen_ai.tool.call.arguments", "mcp.tool.arguments")
APP = (
    "persona.app",
    "mcp.server.name",
    "mcp.target",
    "mcp.server",
    "fastmcp.server.name",
    "mcp.backend.name",
)
AGENT = ("gen_ai.agent.id", "gen_ai.agent.name", "agent.id", "agent.name")
USER = ("user.id", "enduser.id", "user.email")
SESSION = ("mcp.session.id", "gen_ai.conversation.id", "session.id")
_CALLS = frozenset({"tools/call", "resources/read", "prompts/get"})
_NOT_FOUND = frozenset({"404", "410", "-32601", "-32002", "NOT_FOUND", "5"})
_DENIED = frozenset({"401", "403", "PERMISSION_DENIED", "UNAUTHENTICATED", "7", "16"})
_FAILED = 2
"""Status code ERROR of a span."""


class OtlpReader:
    """Reads export requests: `resourceSpans`, or one span a line."""

    def __init__(self, apps: Mapping[str, App]) -> None:
        self._apps = Apps(apps)

    def read(self, value: object) -> Iterable[Told]:
        """The calls in the line, by the time at which they began.

        A call that two sides tell of, one within the other, is one call: the outer span, completed.

        Raises:
            BadLineError: it is no OTLP.
        """
        found: dict[str, tuple[int, Told]] = {}
        for span, attributes in _spans(value):
            told = self._call(span, attributes)
            if told is None:
                continue
            parent = span.get("parentSpanId")
            outer = found.get(parent) if isinstance(parent, str) else None
            if outer is not None and outer[1].tool == told.tool:
                continue
            found[str(span.get("spanId") or len(found))] = number(span, "startTimeUnixNano") or 0, told
        return [told for _, told in sorted(found.values(), key=lambda pair: pair[0])]

    def _call(self, span: Mapping[str, object], attributes: Attributes) -> Told | None:
        tool = text(attributes, *TOOL)
        method = text(attributes, "mcp.method.name", "mcp.method")
        operation = text(attributes, "gen_ai.operation.name")
        if method is not None and method not in _CALLS:
            return None
        if method is None and operation not in {None, "execute_tool"}:
            return None
        name = tool or text(attributes, *OTHERS)
        if name is None:
            if operation == "execute_tool" or method is not None:
                name = ""
            else:
                return None
        app, name = self._apps.find(name, [text(attributes, key) for key in (*APP, "service.name")])
        shown = next(
            (found for key in ARGUMENTS if (found := arguments(attributes.get(key))) is not None), None
        )
        nanoseconds = number(span, "startTimeUnixNano")
        return Told(
            at=instant(None if nanoseconds is None else nanoseconds // 1000 / 1_000_000),
            agent=agent_of(
                text(attributes, *AGENT),
                text(attributes, "gen_ai.request.model"),
                text(attributes, "gen_ai.agent.version"),
                text(attributes, "persona.agent.deployment", "deployment.environment.name"),
            ),
            user=text(attributes, *USER),
            persona=text(attributes, "persona.name"),
            session=text(attributes, *SESSION),
            app=app,
            tool=name,
            args=NO_ARGS if shown is None else shown,
            whole=shown is not None,
            digest=text(attributes, "persona.args_digest"),
            target=text(attributes, "persona.target"),
            outcome=_outcome(span, attributes),
        )


def _outcome(span: Mapping[str, object], attributes: Attributes) -> str:
    if attributes.get("persona.effect") == "denied":
        return "denied"
    codes = ("rpc.response.status_code", "mcp.error.code", "http.response.status_code", "error.type")
    said = {str(attributes[one]) for one in codes if one in attributes}
    if said & _NOT_FOUND:
        return "not_found"
    if said & _DENIED:
        return "denied"
    status = span.get("status")
    failed = isinstance(status, dict) and status.get("code") in {_FAILED, "STATUS_CODE_ERROR"}
    return "error" if failed or "error.type" in attributes else "ok"


def _spans(value: object) -> Iterator[tuple[Mapping[str, object], Attributes]]:
    """All spans, each with its resource's attributes below its own."""
    if not isinstance(value, dict):
        raise BadLineError("is no object")
    if "resourceSpans" not in value:
        if "spanId" not in value:
            raise BadLineError("has no `resourceSpans`: is this OTLP as JSON?")
        yield value, _attributes(value.get("attributes"))
        return
    for resource in _list(value.get("resourceSpans")):
        about = resource.get("resource")
        common = _attributes(about.get("attributes")) if isinstance(about, dict) else {}
        for scope in _list(resource.get("scopeSpans")):
            for span in _list(scope.get("spans")):
                yield span, {**common, **_attributes(span.get("attributes"))}


def _list(value: object) -> Iterator[Mapping[str, object]]:
    if not isinstance(value, list):
        raise BadLineError("is no OTLP: a list is missing")
    for one in value:
        if isinstance(one, dict):
            yield one


def _attributes(value: object) -> Attributes:
    if isinstance(value, dict):  # some exporters write a plain object
        return dict(value)
    if not isinstance(value, list):
        return {}
    pairs = (one for one in value if isinstance(one, dict) and isinstance(one.get("key"), str))
    return {one["key"]: _value(one.get("value")) for one in pairs}


def _value(value: object) -> object:
    """What an `AnyValue` holds; whole numbers come as text."""
    if not isinstance(value, dict) or len(value) != 1:
        return value
    kind, inner = next(iter(value.items()))
    match kind:
        case "intValue":
            return number(value, "intValue")
        case "arrayValue" if isinstance(inner, dict):
            values = inner.get("values")
            return [_value(one) for one in values] if isinstance(values, list) else []
        case "kvlistValue" if isinstance(inner, dict):
            return _attributes(inner.get("values") or [])
        case _:
            return inner
