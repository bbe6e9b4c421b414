"""The record as a line of ArcSight's Common Event Format."""

from collections.abc import Mapping

from authz.audit.ocsf import milliseconds, severity
from authz.audit.record import sentence

_SEVERITY = {1: 1, 2: 4, 3: 6, 4: 9}


def cef_line(record: Mapping[str, object], version: str) -> str:
    """One line, without its newline; `version` is the product's."""
    action, agent, persona = (_of(record, name) for name in ("action", "agent", "persona"))
    codes = _codes(record)
    what = codes[0] if codes else str(record.get("decision") or record.get("kind"))
    name = f"{record.get('decision') or record.get('kind')} {action.get('tool') or ''}".strip()
    header = "|".join(
        (
            "CEF:0",
            "Agent Personas",
            "Agent Personas",
            _head(version),
            _head(what),
            _head(name),
            str(_SEVERITY[severity(record)]),
        )
    )
    values = {
        "rt": milliseconds(str(record.get("at"))),
        "externalId": record.get("id"),
        "act": record.get("decision"),
        "outcome": record.get("effect") or record.get("outcome"),
        "reason": ", ".join(codes) or None,
        "suser": record.get("user"),
        "suid": record.get("user"),
        "src": _of(record, "source").get("address"),
        "app": action.get("protocol"),
        "destinationServiceName": action.get("app"),
        "request": action.get("target"),
        "requestMethod": action.get("method"),
        "cat": record.get("kind"),
        "msg": sentence(record),
        **_custom(
            {
                "agent": agent.get("id"),
                "persona": persona.get("name"),
                "tool": action.get("tool"),
                "data": ", ".join(str(one) for one in _list(record, "data")) or None,
                "key": record.get("key"),
                "hash": record.get("hash"),
            }
        ),
    }
    extension = " ".join(
        f"{key}={_value(str(value))}" for key, value in values.items() if value not in {None, ""}
    )
    return f"{header}|{extension}"


def _custom(values: Mapping[str, object]) -> dict[str, object]:
    """The six strings of our own, each with its label."""
    found: dict[str, object] = {}
    for number, (label, value) in enumerate(values.items(), start=1):
        if value is not None:
            found[f"cs{number}"] = value
            found[f"cs{number}Label"] = label
    return found


def _head(text: str) -> str:
    return _one_line(text.replace("\\", "\\\\").replace("|", "\\|"), " ")


def _value(text: str) -> str:
    return _one_line(text.replace("\\", "\\\\").replace("=", "\\="), "\\n")


def _one_line(text: str, between: str) -> str:
    return between.join(text.splitlines())


def _codes(record: Mapping[str, object]) -> list[str]:
    return [str(one["code"]) for one in _list(record, "reasons") if isinstance(one, dict)]


def _list(record: Mapping[str, object], name: str) -> list[object]:
    value = record.get(name)
    return value if isinstance(value, list) else []


def _of(record: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}
