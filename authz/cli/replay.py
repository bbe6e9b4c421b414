"""`personas replay`: decide a recorded log under these definitions."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import IO, Annotated

import orjson
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from authz.cli.failure import Failure
from authz.cli.loading import loaded
from authz.cli.logs import (
    AgentOption,
    CallsOption,
    FieldOption,
    FormatOption,
    PersonaOption,
    UserOption,
    fallback,
    fields_of,
    log_lines,
    say_bad,
)
from authz.compiler.problem import printable
from authz.offline.judging import Judge, Verdict
from authz.offline.page import page
from authz.offline.reading import Format, Reading, reader_of
from authz.offline.tally import DENIED, ENDS, FLAGGED, UNDECIDED, Tally, by_size, codes
from authz.offline.told import Told

COLOURS: Mapping[str, str] = MappingProxyType(
    {"allowed": "green", "flagged": "yellow", "denied": "red", "undecided": "blue"}
)
ROWS = 10
WIDE = 200
"""Columns where nobody watches: nothing that a script looks for is cut off."""
_SPOOL = 1 << 22
"""Bytes of decisions kept in memory; more go to a file, for the counts come before them."""


def command(  # noqa: PLR0917 - as many as there are options
    defs: Annotated[Path, typer.Option("--defs", help="Folder of definitions.")],
    calls: CallsOption,
    form: FormatOption = Format.CALLS,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write a report with pictures here.")] = None,
    agent: AgentOption = None,
    user: UserOption = None,
    persona: PersonaOption = None,
    field: FieldOption = None,
) -> None:
    """Decide a recorded log under these definitions, by its own instants and outcomes."""
    compiled = loaded(defs)
    judge = Judge(compiled, fallback(agent, user, persona))
    reader = reader_of(form, compiled.definitions, fields_of(field))
    tally = Tally()
    with tempfile.SpooledTemporaryFile(max_size=_SPOOL) as spool, log_lines(calls, form) as lines:
        reading = Reading(lines, reader)
        _replay(reading, judge, tally, spool if as_json else None)
        say_bad(reading)
        if as_json:
            _print_json(tally, spool)
        else:
            show(tally, reading)
    if html is not None:
        _write(html, page(tally, str(calls), str(defs), reading))


def _replay(reading: Reading, judge: Judge, tally: Tally, spool: IO[bytes] | None) -> None:
    for index, one in reading:
        if not isinstance(one, Told):
            judge.ended(one)
            continue
        verdict = judge.decide(one)
        tally.add(index, verdict)
        if spool is not None:
            spool.write(b"," if tally.calls > 1 else b"")
            spool.write(orjson.dumps(as_object(index, verdict)))


def as_object(index: int, verdict: Verdict) -> dict[str, object]:
    """One of the `decisions`."""
    return {
        "index": index,
        "decision": verdict.word.value,
        "reasons": codes(verdict.reasons),
        "flags": codes(verdict.flags),
    }


def _print_json(tally: Tally, spool: IO[bytes]) -> None:
    head = {
        "calls": tally.calls,
        "allowed": tally.allowed,
        "denied": tally.ends[DENIED],
        "flagged": tally.ends[FLAGGED],
        "undecided": tally.ends[UNDECIDED],
        "by_reason": dict(tally.by_reason.most_common()),
    }
    out = typer.get_binary_stream("stdout")
    out.write(orjson.dumps(head)[:-1] + b',"decisions":[')
    spool.seek(0)
    while part := spool.read(_SPOOL):
        out.write(part)
    out.write(b"]}\n")
    out.flush()


def show(tally: Tally, reading: Reading) -> None:
    """The summary for a person."""
    console = Console(soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    line = Text(f"{tally.calls} calls")
    for end in ENDS:
        line.append(f"  {tally.ends[end]} {end}", COLOURS[end] if tally.ends[end] else "dim")
    console.print(line)
    if tally.shadowed:
        console.print(
            Text(f"of the denied, {tally.shadowed} are let through: their persona is in shadow", "dim")
        )
    if tally.assumed:
        why = "the log does not name their agent or user; who may was assumed"
        console.print(Text(f"{tally.assumed} calls: {why}", "dim"))
    if reading.others:
        console.print(Text(f"{reading.others} lines tell of no call", "dim"))
    _reasons(console, tally)
    _people(console, tally)
    for what, count in tally.lacking.most_common(ROWS):
        console.print(Text(f"undecided: {count} calls, for the log does not say {printable(what)}", "blue"))


def _reasons(console: Console, tally: Tally) -> None:
    if not tally.by_reason and not tally.flagged_for:
        return
    table = Table("reason", "calls", "first", "why", "where", box=SIMPLE, pad_edge=False)
    for code, count in tally.by_reason.most_common():
        first = tally.first[code]
        told = f"#{first.index} {first.agent}: {first.called}"
        table.add_row(
            Text(code, "red"), str(count), printable(told), Text(printable(first.detail)), first.place
        )
    for code, count in tally.flagged_for.most_common():
        table.add_row(Text(code, "yellow"), str(count), "", "flagged, let through", "")
    console.print(table)


def _people(console: Console, tally: Tally) -> None:
    table = Table("agent", *ENDS, box=SIMPLE, pad_edge=False)
    for name, ends in by_size(tally.by_agent)[:ROWS]:
        table.add_row(
            printable(name), *(Text(str(ends[end]), COLOURS[end] if ends[end] else "dim") for end in ENDS)
        )
    console.print(table)
    if len(tally.by_agent) > ROWS:
        console.print(Text(f"and {len(tally.by_agent) - ROWS} more agents: --html shows them", "dim"))


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{path}: can't be written: {error.strerror}") from None
