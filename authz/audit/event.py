"""Records of what is no decision: keys issued, definitions loaded, approvals, folded refusals."""

from collections.abc import Mapping
from datetime import datetime

from authz.audit.record import instant

_EMPTY: Mapping[str, tuple[str, ...]] = {
    "agent": ("id", "model", "version", "deployment", "proof", "workload"),
    "persona": ("name", "version", "digest"),
    "action": ("protocol", "app", "tool", "access", "target", "args_digest", "args", "method", "kind"),
    "layers": ("user", "agent", "tool", "data", "behaviour"),
    "trace": ("trace_id", "span_id", "parent"),
    "source": ("address", "principal"),
}


def event_record(  # noqa: PLR0913 - the last four are fields of the record
    identity: str,
    at: datetime,
    what: str,
    facts: Mapping[str, object],
    *,
    user: str | None = None,
    agent: str | None = None,
    persona: str | None = None,
    key: str | None = None,
) -> dict[str, object]:
    """One event: `what` happened (`key.issued`, `definitions.loaded`), with its own `facts` (no secrets).

    It has the fields of a decision too, null where they say nothing, so that one query reads both.
    """
    record: dict[str, object] = {
        "kind": "event",
        "id": identity,
        "at": instant(at),
        "event": {"what": what, **facts},
    }
    record.update({name: dict.fromkeys(members) for name, members in _EMPTY.items()})
    record["agent"] = {**dict.fromkeys(_EMPTY["agent"]), "id": agent}
    record["persona"] = {**dict.fromkeys(_EMPTY["persona"]), "name": persona}
    record.update(
        user=user, key=key, session=None, data=[], decision=None, effect=None, reasons=[], counted={}
    )
    record["latency_us"] = None
    return record


def folded_record(
    first: Mapping[str, object], address: str, count: int, last: str, codes: Mapping[str, int]
) -> dict[str, object]:
    """One record for `count` refusals of a source within a second, told by the first of them."""
    record = dict(first)
    record["kind"] = "folded"
    record["source"] = {"address": address, "principal": None}
    record["event"] = {"what": "refusals.folded", "count": count, "last": last, "codes": dict(codes)}
    return record
