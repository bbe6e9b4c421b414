"""How records look on a terminal: colours, the card of one record, and following them live."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from authz.audit import sentence
from authz.audit.filter import Filter
from authz.stores.trail import Follower

_COLOURS = {"allowed": "green", "denied": "red", "shadowed": "yellow", "flagged": "yellow"}
_MARKS = {"pass": ("✔ pass", "green"), "fail": ("✘ fail", "red"), "skipped": ("· skipped", "dim")}
POLL_SECONDS = 0.1


def colour_of(record: Mapping[str, object]) -> str:
    """The colour of a record's sentence."""
    return _COLOURS.get(str(record.get("effect")), "cyan")


def told(state: Path, chosen: Filter, lines: int, *, follow: bool) -> Iterator[dict[str, object]]:
    """The last `lines` records that pass, then each new one as it comes."""
    follower = Follower(state, {})
    last: deque[dict[str, object]] = deque(maxlen=lines)
    while batch := _batch(follower):
        last.extend(record for record in batch if chosen.passes(record))
    yield from sorted(last, key=lambda record: str(record.get("at")))
    while follow:
        fresh = _batch(follower)
        yield from sorted(
            (record for record in fresh if chosen.passes(record)), key=lambda record: str(record.get("at"))
        )
        if not fresh:
            time.sleep(POLL_SECONDS)


def _batch(follower: Follower) -> list[dict[str, object]]:
    found = []
    for line in follower.poll(1000):
        try:
            found.append(orjson.loads(line.data))
        except orjson.JSONDecodeError:
            continue  # `verify` names it
    return found


def card(record: Mapping[str, object], outcome: Mapping[str, object] | None) -> Panel:
    """One record with its four layers."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("", Text(sentence(record), style=colour_of(record)))
    layers = _of(record, "layers")
    found = record.get("reasons")
    reasons = found if isinstance(found, list) else []
    for layer, mark in layers.items():
        said, style = _MARKS.get(str(mark), ("", ""))
        line = Text(said, style=style)
        for one in reasons:
            if str(one["code"]).partition(".")[0] == layer:
                place = f"  [{one['place']}]" if one.get("place") else ""
                line.append(f"  {one['code']}: {one['detail']}{place}", style="default")
        table.add_row(f"layer {layer}", line)
    for one in reasons:
        if str(one["code"]).partition(".")[0] not in layers:
            table.add_row("reason", f"{one['code']}: {one['detail']}")
    for name, value in record.items():
        if name not in {"layers", "reasons", "kind"}:
            table.add_row(name, Text(_spelled(value)))
    if outcome is not None:
        for name in ("outcome", "status", "duration", "upstream", "flags"):
            table.add_row(f"outcome {name}" if name != "outcome" else name, Text(_spelled(outcome.get(name))))
    return Panel(table, title=str(record.get("id")), border_style=colour_of(record))


def _spelled(value: object) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name}={_spelled(one)}" for name, one in value.items() if one is not None) or "-"
    if isinstance(value, list):
        return ", ".join(_spelled(one) for one in value) or "-"
    return "-" if value is None else str(value)


def _of(record: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}
