"""The record as an OpenTelemetry span: its name and attributes.

OpenTelemetry's own names where they exist (MCP, GenAI, RPC and HTTP conventions), `persona.*` where they
don't.
"""

from collections.abc import Mapping
from typing import TypeAlias

Attribute: TypeAlias = str | bool | int | float | list[str]


def span_name(record: Mapping[str, object]) -> str:
    """`{mcp.method.name} {tool}`, or method and route, or the gRPC method."""
    action = _of(record, "action")
    method, tool = str(action.get("method") or ""), str(action.get("tool") or "")
    match action.get("protocol"):
        case "mcp":
            return f"{method} {tool}" if tool and tool != method and method else method or tool or "mcp"
        case "grpc":
            return (method or tool).lstrip("/") or "grpc"
        case _:
            return method or tool or str(_of(record, "request").get("method") or "request")


def span_attributes(record: Mapping[str, object]) -> dict[str, Attribute]:
    """The attributes of a decision's span; what is unknown is left out."""
    found: dict[str, object] = {
        "persona.decision.id": record.get("id"),
        "persona.decision": record.get("decision"),
        "persona.effect": record.get("effect"),
        "persona.reasons": _codes(record),
        "persona.data": record.get("data"),
        "persona.key": record.get("key"),
        "persona.latency_us": record.get("latency_us"),
        "persona.place": record.get("place"),
        "persona.record.chain": record.get("chain"),
        "persona.record.seq": record.get("seq"),
        "persona.record.hash": record.get("hash"),
        "user.id": record.get("user"),
        "client.address": _of(record, "source").get("address"),
        "persona.source.principal": _of(record, "source").get("principal"),
    }
    _identity(found, record)
    _action(found, record)
    for layer, mark in _of(record, "layers").items():
        found[f"persona.layer.{layer}"] = mark
    for rule, figure in _of(record, "counted").items():
        found[f"persona.counted.{rule}"] = figure
    return {
        name: one
        for name, value in found.items()
        if value is not None and (one := value if type(value) is str else _attribute(value)) is not None
    }


def _identity(found: dict[str, object], record: Mapping[str, object]) -> None:
    agent, persona = _of(record, "agent"), _of(record, "persona")
    found["gen_ai.agent.id"] = agent.get("id")
    found["gen_ai.agent.version"] = agent.get("version")
    found["gen_ai.request.model"] = agent.get("model")
    found["persona.agent.deployment"] = agent.get("deployment")
    found["persona.agent.proof"] = agent.get("proof")
    found["persona.agent.workload"] = agent.get("workload")
    found["persona.name"] = persona.get("name")
    found["persona.version"] = persona.get("version")
    found["persona.digest"] = persona.get("digest")


def _action(found: dict[str, object], record: Mapping[str, object]) -> None:
    action = _of(record, "action")
    method, tool, kind = action.get("method"), action.get("tool"), action.get("kind")
    found["persona.app"] = action.get("app")
    found["persona.access"] = action.get("access")
    found["persona.target"] = action.get("target")
    found["persona.args_digest"] = action.get("args_digest")
    if kind in {"tool", "unknown", None}:
        found["gen_ai.tool.name"] = tool
    if kind == "tool":
        found["gen_ai.operation.name"] = "execute_tool"
    if action.get("protocol") == "mcp":
        found["mcp.method.name"] = method
        found["mcp.session.id"] = record.get("session")
        if kind == "prompt":
            found["gen_ai.prompt.name"] = tool
        elif kind == "resource":
            found["mcp.resource.uri"] = tool
    elif action.get("protocol") == "grpc":
        found["rpc.system.name"] = "grpc"
        found["rpc.method"] = str(method or tool or "").lstrip("/") or None
    else:
        verb, _, route = str(method or "").partition(" ")
        found["http.request.method"] = verb or _of(record, "request").get("method")
        found["http.route"] = route or None


def failed(record: Mapping[str, object]) -> bool:
    """Whether we failed: a deny is an answer, not an error of ours."""
    return any(code.partition(".")[0] == "internal" for code in _codes(record))


def _codes(record: Mapping[str, object]) -> list[str]:
    reasons = record.get("reasons")
    return [str(one["code"]) for one in reasons] if isinstance(reasons, list) else []


def _of(record: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def _attribute(value: object) -> Attribute | None:
    if isinstance(value, list):
        return [str(one) for one in value] or None
    if isinstance(value, (str, bool, int, float)):
        return value
    return None
