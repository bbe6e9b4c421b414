"""Records as rows of a table, for spreadsheets."""

import csv
import io
from collections.abc import Mapping

COLUMNS = (
    "id",
    "at",
    "kind",
    "agent.id",
    "agent.model",
    "agent.version",
    "agent.deployment",
    "agent.proof",
    "user",
    "persona.name",
    "persona.version",
    "persona.digest",
    "key",
    "session",
    "action.protocol",
    "action.app",
    "action.tool",
    "action.access",
    "action.target",
    "action.args_digest",
    "data",
    "decision",
    "effect",
    "layers.user",
    "layers.agent",
    "layers.tool",
    "layers.data",
    "layers.behaviour",
    "reasons",
    "trace.trace_id",
    "trace.span_id",
    "trace.parent",
    "source.address",
    "source.principal",
    "latency_us",
    "outcome",
    "status",
    "duration",
    "chain",
    "seq",
    "hash",
)

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def header() -> str:
    """The first line, without its newline."""
    return ",".join(COLUMNS)


def row(record: Mapping[str, object]) -> str:
    """One line, without its newline."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(_cell(record, column) for column in COLUMNS)
    return out.getvalue()


def _cell(record: Mapping[str, object], column: str) -> str:
    outer, _, inner = column.partition(".")
    value = record.get(outer)
    if inner:
        value = value.get(inner) if isinstance(value, Mapping) else None
    if isinstance(value, list):
        value = " ".join(str(one["code"]) if isinstance(one, dict) else str(one) for one in value)
    text = "" if value is None else str(value)
    # The agent chose some of these texts: a spreadsheet must not run them.
    return f"'{text}" if text.startswith(_FORMULA) else text
