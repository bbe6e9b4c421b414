"""Decision → forensic record, and the record as a sentence that a person can read.

The shape is public (`contracts`, "The forensic record"): every field is always there, null where unknown.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from authz.audit.digest import Digester, safe
from authz.audit.fact import Fact
from authz.core.call import Action, Call, Caller
from authz.core.decision import Allow, Decision, Objection, layers, objections
from authz.core.reason import LAYER_OF, Layer

ALL_PASS: Mapping[str, str] = MappingProxyType(dict.fromkeys((layer.value for layer in Layer), "pass"))

# Their details speak of what the call carries; those of the others of people, agents and credentials.
_ABOUT_ARGUMENTS = frozenset({Layer.TOOL, Layer.DATA, Layer.BEHAVIOUR, None})


def decision_record(fact: Fact, digester: Digester) -> dict[str, object]:
    """The record of one decision; the trail adds `chain`, `seq`, `prev` and `hash`."""
    decision = fact.decision
    caller = fact.caller
    persona = fact.persona
    trace = fact.request.trace
    source = fact.request.source
    found = objections(decision)
    allowed = isinstance(decision, Allow)
    return {
        "kind": "decision",
        "id": fact.id,
        "at": instant(fact.at),
        "agent": _agent(caller),
        "user": caller.user if caller is not None else None,
        "persona": {
            "name": persona.name if persona is not None else caller.persona if caller is not None else None,
            "version": persona.version if persona is not None else None,
            "digest": persona.digest if persona is not None else None,
        },
        "key": caller.key if caller is not None else None,
        "session": _session(fact),
        "action": _action(fact, digester),
        "data": sorted(fact.call.classes) if fact.call is not None else [],
        "decision": "allow" if allowed else "deny",
        "effect": decision.effect.value,
        "layers": dict(ALL_PASS) if allowed and not found else _layers(decision),
        "reasons": [_reason(one, fact.call, digester) for one in found] if found else [],
        "counted": _counted(fact),
        "trace": {
            "trace_id": trace.trace_id if trace is not None else _derived(fact.id, 16),
            "span_id": fact.span_id or _derived(fact.id, 8),
            "parent": trace.parent if trace is not None else None,
        },
        "source": {"address": source.address or None, "principal": source.principal or None},
        "latency_us": fact.latency_us,
        "place": _place(decision),
        "request": _request(fact),
        "hints": {name: safe(text) for name, text in fact.hints.items()} if fact.hints else {},
        "notes": [safe(note) for note in fact.notes] if fact.notes else [],
    }


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, always of the same length: it sorts as text."""
    if at.tzinfo is not UTC:
        at = at.astimezone(UTC)
    return at.isoformat(timespec="microseconds")[:26] + "Z"


def _agent(caller: Caller | None) -> dict[str, object]:
    if caller is None:
        names = ("id", "model", "version", "deployment", "proof", "workload")
        return dict.fromkeys(names)
    agent = caller.agent
    return {
        "id": agent.id,
        "model": agent.model,
        "version": agent.version,
        "deployment": agent.deployment,
        "proof": caller.proof,
        "workload": agent.workload,
    }


def _session(fact: Fact) -> str | None:
    session = fact.call.session if fact.call is not None else fact.session
    return safe(session) if session is not None else None


def _action(fact: Fact, digester: Digester) -> dict[str, object]:
    if fact.call is None:
        return {
            "protocol": fact.protocol,
            "app": fact.app,
            "tool": safe(fact.action) if fact.action is not None else None,
            "access": None,
            "target": None,
            "args_digest": None,
            "args": {},
            "method": safe(fact.method) if fact.method is not None else None,
            "kind": None,
        }
    action = fact.call.action
    tool = action.tool
    recorded = tool.recorded if tool is not None else frozenset[str]()
    return {
        "protocol": action.protocol,
        "app": action.app,
        # A name that a definition knows is no word of the agent's.
        "tool": action.name if tool is not None and tool.name == action.name else safe(action.name),
        "access": tool.access.value if tool is not None else None,
        "target": _target(action, recorded, digester),
        "args_digest": digester.of(action.args),
        "args": {name: _shown(action, name) for name in recorded if name in action.args} if recorded else {},
        "method": safe(action.method) if action.method else None,
        "kind": action.kind.value,
    }


def _target(action: Action, recorded: frozenset[str], digester: Digester) -> str | None:
    """What the call is about is an argument like any other: in clear only if the definition lists it."""
    if action.target is None:
        return None
    if action.tool is not None and action.tool.target in recorded:
        return safe(action.target)
    return digester.of(action.target)


def _shown(action: Action, name: str) -> object:
    value = action.args[name]
    return safe(value) if isinstance(value, str) else value


def _reason(one: Objection, call: Call | None, digester: Digester) -> dict[str, object]:
    detail = safe(one.detail)
    if call is not None and LAYER_OF[one.reason] in _ABOUT_ARGUMENTS:
        tool = call.action.tool
        detail = digester.hide(
            one.detail, call.action.args, tool.recorded if tool is not None else frozenset()
        )
    return {"code": one.reason.value, "detail": detail, "place": str(one.place) or None}


def _layers(decision: Decision) -> dict[str, str]:
    return {layer.value: mark.value for layer, mark in layers(decision).items()}


def _counted(fact: Fact) -> dict[str, float]:
    """Where each counting rule that is about this call stands, by the rule's name."""
    rules = fact.persona.rules if fact.persona is not None else ()
    figures = fact.history.figures
    if not rules or len(rules) != len(figures):
        return {}
    return {rule.name: figure for rule, figure in zip(rules, figures, strict=True) if figure is not None}


def _derived(identity: str, size: int) -> str:
    """`size` bytes in hex that follow from the decision's id: a second export gives the same span."""
    return hashlib.blake2b(identity.encode(), digest_size=size, person=b"persona-span").hexdigest()


def _place(decision: Decision) -> str | None:
    """The line of the definitions that decided."""
    if isinstance(decision, Allow):
        return str(decision.grant.place) or None
    for one in decision.objections:
        if one.place.file:
            return str(one.place)
    return None


def _request(fact: Fact) -> dict[str, object]:
    """What finds this call in the logs of Envoy and of the app; all of it is the client's word."""
    request = fact.request
    return {
        "id": safe(request.id) if request.id else None,
        "method": safe(request.method) if request.method else None,
        "host": safe(request.host) if request.host else None,
    }


def sentence(record: Mapping[str, object]) -> str:
    """`agent X, on behalf of user Y, under persona Z, called tool W at T: allow`."""
    if record.get("kind", "decision") != "decision":
        return _said_of_event(record)
    agent = _of(record, "agent").get("id") or "unknown"
    persona = _of(record, "persona").get("name") or "unknown"
    action = _of(record, "action")
    tool = action.get("tool") or action.get("method") or _of(record, "request").get("method") or "unknown"
    reasons = record.get("reasons")
    codes = [str(one["code"]) for one in reasons] if isinstance(reasons, list) else []
    verdict = str(record.get("decision"))
    effect = record.get("effect")
    if effect == "shadowed":
        verdict += ", let through by shadow mode"
    elif effect == "flagged":
        verdict += ", flagged"
    if codes:
        verdict += f" ({', '.join(codes)})"
    return (
        f"agent {agent}, on behalf of user {record.get('user') or 'unknown'}, under persona {persona},"
        f" called tool {tool} at {record.get('at')}: {verdict}"
    )


def _said_of_event(record: Mapping[str, object]) -> str:
    at = record.get("at")
    if record.get("kind") == "outcome":
        return f"call {record.get('decision')} ended at {at}: {record.get('outcome')}"
    event = _of(record, "event")
    words = ", ".join(f"{name} {value}" for name, value in event.items() if name != "what")
    return f"{event.get('what') or record.get('kind')} at {at}" + (f": {words}" if words else "")


def _of(record: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}
