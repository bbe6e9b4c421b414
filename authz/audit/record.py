"""Decision → forensic record, and the record as a sentence that a person can read.

The shape is public (`contracts`, "The forensic record"): every field is always there, null where unknown.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson

from authz.audit.digest import Digester, safe
from authz.audit.fact import Fact
from authz.core.call import Action, Call, Caller
from authz.core.decision import Allow, Decision, Objection, objections
from authz.core.reason import LAYER_OF, Layer, Reason

ALL_PASS: Mapping[str, str] = dict.fromkeys((layer.value for layer in Layer), "pass")
ALL_SKIPPED: Mapping[str, str] = dict.fromkeys((layer.value for layer in Layer), "skipped")
NOTHING: frozenset[str] = frozenset()

# By the plain text of the code: members of an enumeration are slow to look up, as `value` is slower to read
# than `_value_`, and every record does it.
_LAYER_OF: Mapping[str, str | None] = {
    reason.value: layer.value if layer is not None else None for reason, layer in LAYER_OF.items()
}

# Their details name agents, people, known tools, classes and rules; those of all others may quote arguments.
WITHOUT_ARGUMENTS = frozenset(
    reason.value
    for reason in Reason
    if reason.family in {"credential", "user", "agent"}
    or reason in {Reason.TOOL_NOT_GRANTED, Reason.DATA_NOT_ALLOWED, Reason.BEHAVIOUR_LIMIT}
)


def decision_record(fact: Fact, digester: Digester) -> dict[str, object]:
    """The record of one decision; the trail adds `chain`, `seq`, `prev` and `hash`."""
    caller = fact.caller
    persona = fact.persona
    source = fact.request.source
    decision = fact.decision
    found = objections(decision)
    return {
        "kind": "decision",
        "id": fact.id,
        "at": instant(fact.at),
        "agent": agent_of(caller),
        "user": caller.user if caller is not None else None,
        "persona": {
            "name": persona.name if persona is not None else caller.persona if caller is not None else None,
            "version": persona.version if persona is not None else None,
            "digest": persona.digest if persona is not None else None,
        },
        "key": caller.key if caller is not None else None,
        "session": _session(fact),
        "action": action_of(fact.call.action, digester)
        if fact.call is not None
        else _no_call(fact, digester),
        "data": sorted(fact.call.classes) if fact.call is not None else [],
        **verdict_of(fact, found, digester),
        "counted": counted_of(fact),
        "took": took_of(fact),
        "trace": trace_of(fact),
        "source": {"address": source.address or None, "principal": source.principal or None},
        "latency_us": fact.latency_us,
        "place": place_of(decision),
        "request": _request(fact),
        "hints": hints_of(fact),
        "notes": notes_of(fact),
    }


def verdict_of(fact: Fact, found: tuple[Objection, ...], digester: Digester) -> dict[str, object]:
    """What was decided, and why."""
    decision = fact.decision
    return {
        "decision": "allow" if isinstance(decision, Allow) else "deny",
        "effect": decision.effect._value_,
        "layers": _layers(decision, found),
        "reasons": [_reason(one, fact.call, digester) for one in found] if found else [],
    }


def trace_of(fact: Fact) -> dict[str, object]:
    """The ids of the decision's span; they follow from the decision's id where there is no trace."""
    trace = fact.request.trace
    return {
        "trace_id": trace.trace_id if trace is not None else _derived(fact.id, _TRACE),
        "span_id": fact.span_id or span_of(fact.id),
        "parent": trace.parent if trace is not None else None,
    }


def took_of(fact: Fact) -> dict[str, float]:
    """What the call added to each counting rule."""
    persona = fact.persona
    return fact.history.added(persona.rules) if persona is not None and persona.rules else {}


def hints_of(fact: Fact) -> dict[str, str]:
    """What the client said about itself."""
    return {name: safe(text) for name, text in fact.hints.items()} if fact.hints else {}


def notes_of(fact: Fact) -> list[str]:
    """What was odd about the request."""
    return [safe(note) for note in fact.notes] if fact.notes else []


def instant(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds, always of the same length: it sorts as text."""
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    text = orjson.dumps(utc, option=orjson.OPT_UTC_Z).decode()  # a third of the cost of `isoformat`
    return text[1:-1] if len(text) == _WITH_MICROSECONDS else f"{text[1:20]}.000000Z"


_WITH_MICROSECONDS = len('"2026-01-01T00:00:00.000001Z"')


def agent_of(caller: Caller | None) -> dict[str, object]:
    """Who acts."""
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


def _no_call(fact: Fact, digester: Digester) -> dict[str, object]:
    """What is known of an action that could not be read, or that nobody proven asked for."""
    return {
        "protocol": fact.protocol,
        "app": fact.app,
        "tool": _unknown(fact.action, fact.protocol, digester) if fact.action is not None else None,
        "access": None,
        "target": None,
        "args_digest": None,
        "args": {},
        "method": safe(fact.method) if fact.method is not None else None,
        "kind": None,
    }


def action_of(action: Action, digester: Digester) -> dict[str, object]:
    """What was to be done."""
    tool = action.tool
    recorded = NOTHING if tool is None else tool.recorded
    return {
        "protocol": action.protocol,
        "app": action.app,
        # A name that a definition knows is no word of the agent's.
        "tool": action.name
        if tool is not None and tool.name == action.name
        else _unknown(action.name, action.protocol, digester),
        "access": tool.access._value_ if tool is not None else None,
        "target": _target(action, recorded, digester),
        "args_digest": digester.of(action.args),
        "args": {name: digester.shown(action.args[name]) for name in sorted(recorded & action.args.keys())}
        if recorded
        else {},
        "method": safe(action.method) if action.method else None,
        "kind": action.kind._value_,
    }


def _unknown(name: str, protocol: str | None, digester: Digester) -> str:
    """A name that no definition knows; that of a REST call is its method and path."""
    return digester.path(name) if protocol == "rest" else safe(name.partition("?")[0])


def _target(action: Action, recorded: frozenset[str], digester: Digester) -> str | None:
    """What the call is about is an argument like any other: in clear only if the definition lists it."""
    if action.target is None:
        return None
    if action.tool is not None and action.tool.target in recorded:
        return safe(action.target)
    return digester.of(action.target)


def _reason(one: Objection, call: Call | None, digester: Digester) -> dict[str, object]:
    code = one.reason._value_
    if call is None or code in WITHOUT_ARGUMENTS:
        detail = safe(one.detail)
    else:
        tool = call.action.tool
        detail = one.detail
        if tool is None and call.action.name in detail:
            action = call.action
            detail = detail.replace(action.name, _unknown(action.name, action.protocol, digester))
        detail = digester.hide(detail, call.action.args, NOTHING if tool is None else tool.recorded)
    return {"code": code, "detail": detail, "place": str(one.place) or None}


def _layers(decision: Decision, found: tuple[Objection, ...]) -> dict[str, str]:
    """As `core.decision.layers`, to which a test holds it, at a fifth of the cost."""
    judged = isinstance(decision, Allow) or decision.judged
    marks = dict(ALL_PASS if judged else ALL_SKIPPED)
    for one in found:
        layer = _LAYER_OF[one.reason._value_]
        if layer is not None:
            marks[layer] = "fail"
    return marks


def counted_of(fact: Fact) -> dict[str, float]:
    """Where each counting rule that is about this call stands, by the rule's name."""
    rules = fact.persona.rules if fact.persona is not None else ()
    figures = fact.history.figures
    if not rules or len(rules) != len(figures):
        return {}
    return {rule.name: figure for rule, figure in zip(rules, figures, strict=True) if figure is not None}


_SPAN = hashlib.blake2b(digest_size=8, person=b"persona-span")
_TRACE = hashlib.blake2b(digest_size=16, person=b"persona-trace")


def span_of(identity: str) -> str:
    """The id of a decision's own span."""
    return _derived(identity, _SPAN)


def _derived(identity: str, begun: hashlib.blake2b) -> str:
    """An id in hex that follows from the decision's: a second export gives the same span."""
    digest = begun.copy()
    digest.update(identity.encode())
    return digest.hexdigest()


def place_of(decision: Decision) -> str | None:
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
    if record.get("kind") == "head":
        return f"chain {record.get('chain')} stood at record {record.get('seq')} at {at}"
    event = _of(record, "event")
    words = ", ".join(f"{name} {value}" for name, value in event.items() if name != "what")
    return f"{event.get('what') or record.get('kind')} at {at}" + (f": {words}" if words else "")


def _of(record: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}
