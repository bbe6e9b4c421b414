"""The record as an OCSF 1.8 event: API Activity (6003) with security_control dispositions."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from authz.audit.record import sentence

VERSION = "1.8.0"
CLASS = 6003
_ACTIVITY = {"read": (2, "Read"), "write": (3, "Update"), "delete": (4, "Delete")}
_OTHER = (99, "Other")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# The number and the name of the action, then those of the disposition.
_ALLOWED = (1, "Allowed", 1, "Allowed")
_ALERT = (1, "Allowed", 19, "Alert")
_BLOCKED = (2, "Denied", 2, "Blocked")
_UNAUTHORIZED = (2, "Denied", 26, "Unauthorized")
_REVOKED = (2, "Denied", 24, "Access Revoked")
_CHALLENGE = (2, "Denied", 23, "Challenge")
_ERROR = (2, "Denied", 27, "Error")
_DETECTED = (3, "Observed", 15, "Detected")
_LOGGED = (3, "Observed", 17, "Logged")


def ocsf_event(record: Mapping[str, object]) -> dict[str, object]:
    """One event; what OCSF has no place for is under `unmapped`."""
    action = _of(record, "action")
    activity_id, activity = _ACTIVITY.get(str(action.get("access")), _OTHER)
    action_id, acted, disposition_id, disposed = disposition(record)
    denied = action_id == _BLOCKED[0]
    source = _of(record, "source")
    event: dict[str, object] = {
        "activity_id": activity_id,
        "activity_name": activity,
        "category_uid": 6,
        "category_name": "Application Activity",
        "class_uid": CLASS,
        "class_name": "API Activity",
        "type_uid": CLASS * 100 + activity_id,
        "type_name": f"API Activity: {activity}",
        "severity_id": severity(record),
        "time": milliseconds(str(record.get("at"))),
        "message": sentence(record),
        "metadata": _metadata(record),
        "actor": _actor(record),
        "api": _api(record),
        "src_endpoint": _without_nothing({"ip": source.get("address"), "name": source.get("principal")})
        or {"name": "unknown"},
        "status_id": 2 if denied else 1,
        "status": "Failure" if denied else "Success",
        "status_detail": ", ".join(_codes(record)) or None,
        "action_id": action_id,
        "action": acted,
        "disposition_id": disposition_id,
        "disposition": disposed,
        "is_alert": record.get("effect") in {"denied", "shadowed", "flagged"},
        "authorizations": [_authorization(record)],
        "trace": _trace(record),
        "unmapped": _unmapped(record),
    }
    return _without_nothing(event)


def disposition(  # noqa: PLR0911 - a table with guards
    record: Mapping[str, object],
) -> tuple[int, str, int, str]:
    """What became of the call, in the words of the security_control profile."""
    codes = set(_codes(record))
    match record.get("effect"):
        case "allowed":
            return _ALLOWED
        case "flagged":
            return _ALERT
        case "shadowed":
            return _DETECTED
        case "denied" if any(code.partition(".")[0] == "internal" for code in codes):
            return _ERROR
        case "denied" if codes & {"credential.revoked", "credential.suspended"}:
            return _REVOKED
        case "denied" if any(code.startswith("credential.") for code in codes):
            return _UNAUTHORIZED
        case "denied" if "behaviour.approval" in codes:
            return _CHALLENGE
        case "denied":
            return _BLOCKED
        case _:
            return _LOGGED  # an event or an outcome


def severity(record: Mapping[str, object]) -> int:
    """1 informational, 2 low, 3 medium, 4 high."""
    codes = _codes(record)
    match record.get("effect"):
        case "denied":
            return 4 if any(code.partition(".")[0] == "internal" for code in codes) else 3
        case "shadowed" | "flagged":
            return 2
        case _:
            return 1


def milliseconds(text: str) -> int:
    """An instant as records spell it, since 1970."""
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1)


def _metadata(record: Mapping[str, object]) -> dict[str, object]:
    metadata = {
        "version": VERSION,
        "product": {"name": "Agent Personas", "vendor_name": "Agent Personas"},
        "profiles": ["security_control", "trace"],
        "uid": str(record.get("id")),
        "sequence": record.get("seq"),
        "log_name": f"trail/{record['chain']}" if record.get("chain") else None,
    }
    return _without_nothing(metadata)


def _actor(record: Mapping[str, object]) -> dict[str, object]:
    user = record.get("user")
    agent = _of(record, "agent")
    session = record.get("session")
    return _without_nothing(
        {
            "user": _without_nothing({"uid": user, "name": user, "credential_uid": record.get("key")})
            or None,
            "app_uid": agent.get("id") or "unknown",
            "app_name": agent.get("id") or "unknown",
            "session": {"uid": session} if session else None,
        }
    )


def _api(record: Mapping[str, object]) -> dict[str, object]:
    action = _of(record, "action")
    app = action.get("app")
    return _without_nothing(
        {
            "operation": str(
                action.get("tool") or action.get("method") or _of(record, "event").get("what") or "unknown"
            ),
            "service": {"name": app} if app else None,
            "request": {"uid": str(_of(record, "request").get("id") or record.get("id"))},
        }
    )


def _authorization(record: Mapping[str, object]) -> dict[str, object]:
    persona = _of(record, "persona")
    return _without_nothing(
        {
            "decision": str(record.get("decision") or record.get("outcome") or "none"),
            "policy": _without_nothing(
                {
                    "uid": persona.get("digest"),
                    "name": persona.get("name"),
                    "version": persona.get("version"),
                }
            )
            or None,
        }
    )


def _trace(record: Mapping[str, object]) -> dict[str, object] | None:
    trace = _of(record, "trace")
    if not trace.get("trace_id"):
        return None
    start = milliseconds(str(record.get("at")))
    latency = record.get("latency_us")
    span = {
        "uid": str(trace.get("span_id")),
        "parent_uid": trace.get("parent"),
        "start_time": start,
        "end_time": start + (latency // 1000 if isinstance(latency, int) else 0),
    }
    return {"uid": trace["trace_id"], "span": _without_nothing(span)}


def _unmapped(record: Mapping[str, object]) -> dict[str, object]:
    """OCSF 1.9 will have a place for the agent and for the chain."""
    names = (
        "kind",
        "effect",
        "layers",
        "reasons",
        "data",
        "counted",
        "place",
        "event",
        "decision",
        "outcome",
    )
    found = {name: record[name] for name in names if record.get(name)}
    agent = _without_nothing(dict(_of(record, "agent")))
    if agent:
        found["ai_agent"] = agent
    action = _of(record, "action")
    for name in ("protocol", "access", "target", "args_digest"):
        if action.get(name):
            found[name] = action[name]
    found["record_integrity"] = {name: record.get(name) for name in ("chain", "seq", "prev", "hash")}
    return found


def _codes(record: Mapping[str, object]) -> list[str]:
    reasons = record.get("reasons")
    return [str(one["code"]) for one in reasons] if isinstance(reasons, list) else []


def _of(record: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def _without_nothing(values: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in values.items() if value is not None}
