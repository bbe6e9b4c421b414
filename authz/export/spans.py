"""Records → spans, with the ids and times that were recorded: sent twice, they are the same spans."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from authz.audit.span import failed, span_attributes, span_name
from authz.export import protobuf
from authz.export.sink import Item

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
REMEMBERED = 20_000
"""Decisions of which the span is remembered, for the outcomes that come after them."""


def nanoseconds(text: str) -> int:
    """An instant as records spell it, since 1970."""
    return (datetime.fromisoformat(text) - EPOCH) // _MICROSECOND * 1000


class Spans:
    """Makes the spans of a batch. An outcome becomes a child of the decision that it belongs to."""

    def __init__(self, *, langfuse: bool = False) -> None:
        """With `langfuse`, what that product can't tell from a span's status is said in its own words."""
        self._langfuse = langfuse
        self._decisions: OrderedDict[str, tuple[bytes, bytes, str]] = OrderedDict()

    def of(self, items: Sequence[Item]) -> list[bytes]:
        """One span for each decision and each outcome of a known decision; events have none."""
        found = []
        for item in items:
            match item.record.get("kind"):
                case "decision" | "folded" if item.record.get("trace"):
                    found.append(self._decision(item.record))
                case "outcome":
                    outcome = self._outcome(item.record)
                    if outcome is not None:
                        found.append(outcome)
                case _:
                    pass
        return found

    def _decision(self, record: Mapping[str, object]) -> bytes:
        trace = record["trace"]
        assert isinstance(trace, dict)  # noqa: S101 - every record of a decision has it
        trace_id, span_id = bytes.fromhex(trace["trace_id"]), bytes.fromhex(trace["span_id"])
        name = span_name(record)
        self._decisions[str(record["id"])] = (trace_id, span_id, name)
        if len(self._decisions) > REMEMBERED:
            self._decisions.popitem(last=False)
        start = nanoseconds(str(record["at"]))
        latency = record.get("latency_us")
        return protobuf.span(
            trace_id=trace_id,
            span_id=span_id,
            parent=bytes.fromhex(trace["parent"]) if trace["parent"] else b"",
            name=name,
            start=start,
            end=start + (latency * 1000 if isinstance(latency, int) else 0),
            values={**span_attributes(record), **_langfuse(record)}
            if self._langfuse
            else span_attributes(record),
            failed=failed(record),
        )

    def _outcome(self, record: Mapping[str, object]) -> bytes | None:
        known = self._decisions.get(str(record.get("decision")))
        if known is None:
            return None
        trace_id, parent, name = known
        start = nanoseconds(str(record.get("begun") or record["at"]))
        duration = record.get("duration")
        length = int(duration * 1_000_000_000) if isinstance(duration, (int, float)) else 0
        values = {
            "persona.decision.id": record.get("decision"),
            "persona.outcome": record.get("outcome"),
            "http.response.status_code": record.get("status"),
            "server.address": record.get("upstream"),
            "persona.outcome.flags": record.get("flags"),
        }
        return protobuf.span(
            trace_id=trace_id,
            span_id=blake2b(str(record["id"]).encode(), digest_size=8, person=b"persona-outcome").digest(),
            parent=parent,
            name=f"outcome {name}",
            start=start,
            end=start + length,
            values={key: value for key, value in values.items() if value is not None},
            failed=False,
        )


def _langfuse(record: Mapping[str, object]) -> dict[str, str]:
    """A deny has no error status; its level says that it is worth a look. A session groups traces."""
    found = {"langfuse.observation.type": "tool"}
    if record.get("effect") != "allowed":
        found["langfuse.observation.level"] = "ERROR" if failed(record) else "WARNING"
    if isinstance(session := record.get("session"), str):
        found["session.id"] = session
    return found
