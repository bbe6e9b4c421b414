"""`personas shadow`: from a persona that only records to one that is enforced."""

import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from rich.text import Text

from authz.audit import event_record
from authz.audit.filter import read_since
from authz.audit.record import instant
from authz.cli.audit import trail_of
from authz.cli.failure import Failure
from authz.cli.loading import loaded
from authz.compiler import DefinitionsError, SourceFile, compile_set
from authz.compiler.problem import Problems, printable
from authz.compiler.source import read
from authz.core.app import Place
from authz.core.persona import Mode
from authz.offline.judging import Judge
from authz.offline.shadow import PROMOTED, REVIEWED, Key, Shadow, Would, converging, gather, page
from authz.server.clock import decision_id
from authz.stores.definitions import read_folder
from authz.stores.trail import TrailError, note_event, read_records

app = typer.Typer(no_args_is_help=True)

REMAINING = 1
"""Exit status of `promote` while would-be denials remain."""
WIDE = 200
State = Annotated[Path, typer.Option("--state", help="The state folder of the service.")]
Defs = Annotated[Path, typer.Option("--defs", help="Folder of definitions.")]
Since = Annotated[str, typer.Option("--since", help="An instant (RFC 3339) or a duration: `14d`.")]
By = Annotated[str | None, typer.Option("--by", help="Who; the user of the shell unless given.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is recorded.")]


@app.command()
def report(  # noqa: PLR0917 - as many as there are options
    state: State,
    defs: Annotated[
        Path | None,
        typer.Option("--defs", help="Definitions of today: what they allow by now is no longer open."),
    ] = None,
    since: Since = "30d",
    persona: Annotated[str | None, typer.Option("--persona", help="Only of this persona.")] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write a report with pictures here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """What would have been refused, by agent and reason, and whether it becomes less over the days."""
    shadow = _gathered(state, since, defs)
    if persona is not None:
        shadow.found = {key: one for key, one in shadow.found.items() if key.persona == persona}
        shadow.days = {name: days for name, days in shadow.days.items() if name == persona}
    if html is not None:
        _write(html, page(shadow, f"{state}"))
    if as_json:
        typer.echo(orjson.dumps(_plain(shadow)).decode())
    else:
        _show(shadow)


@app.command()
def review(  # noqa: PLR0917 - as many as there are options
    name: Annotated[str, typer.Argument(metavar="PERSONA", help="Which persona.")],
    state: State,
    reason: Reason,
    decision: Annotated[
        str | None, typer.Option("--decision", help="Id that `report` shows; without it all that is open.")
    ] = None,
    by: By = None,
    since: Since = "30d",
) -> None:
    """Say that a person looked at would-be denials, and that they may be refused from now on."""
    if not reason.strip():
        raise Failure("--reason: say why, it is recorded")
    shadow = _gathered(state, since, None)
    found = [pair for pair in shadow.remaining(name) if decision is None or pair[1].first == decision]
    if not found:
        what = f"decision `{decision}`" if decision else f"persona `{name}`"
        raise Failure(f"{what}: nothing is open; `personas shadow report` shows what is", code=1)
    for key, _ in found:
        _note(state, REVIEWED, _who(by), reason, key)
    typer.echo(f"reviewed: {len(found)} of {name}")


@app.command()
def promote(
    name: Annotated[str, typer.Argument(metavar="PERSONA", help="Which persona.")],
    defs: Defs,
    state: State,
    by: By = None,
    since: Since = "30d",
) -> None:
    """Write `mode: enforce` into the persona. Refuses while unreviewed would-be denials remain."""
    persona = loaded(defs).definitions.personas.get(name)
    if persona is None:
        raise Failure(f"no persona `{name}` in {defs}")
    if persona.mode is not Mode.SHADOW:
        raise Failure(f"`{name}` is enforced already ({persona.place})")
    shadow = _gathered(state, since, defs)
    if not shadow.calls[name]:
        raise Failure(
            f"`{name}`: no call on record since {since}; nothing shows that it fits", code=REMAINING
        )
    remaining = shadow.remaining(name)
    if remaining:
        console = Console(stderr=True, soft_wrap=True, highlight=False)
        console.print(_table(remaining))
        calls = sum(one.calls for _, one in remaining)
        what = (
            f"{calls} would-be denials of {len(remaining)} kind{'s' * (len(remaining) != 1)} are not reviewed"
        )
        raise Failure(
            f"`{name}`: {what}; widen the persona, or `personas shadow review {name}`", code=REMAINING
        )
    path, text, place = _promoted(defs, name)
    person = _who(by)
    try:
        compile_set([SourceFile(str(path), text), *_others(defs, path)], pinned=read_folder(defs)[1])
    except DefinitionsError as error:
        raise Failure(f"{error.problems[0]}: not promoted") from None
    _note(state, PROMOTED, person, "no unreviewed would-be denials", Key(name, "", "", ""))
    _replace(path, text)
    typer.echo(f"{place}: mode: enforce")


def _gathered(state: Path, since: str, defs: Path | None) -> Shadow:
    judge = Judge(loaded(defs)) if defs is not None else None
    try:
        begin = instant(read_since(since, datetime.now(UTC)))
    except ValueError as error:
        raise Failure(str(error)) from None
    return gather(read_records(trail_of(state)), begin, judge)


def _who(by: str | None) -> str:
    try:
        person = by if by is not None else getpass.getuser()
    except (KeyError, OSError):
        person = ""
    if not person:
        raise Failure("nobody can tell who does this; say it with --by")
    return person


def _note(state: Path, what: str, by: str, reason: str, key: Key) -> None:
    """On the trail before it holds."""
    told = {
        "by": by,
        "reason": reason,
        "persona": key.persona,
        "agent": key.agent,
        "called": key.called,
        "codes": key.codes,
    }
    record = event_record(decision_id(), datetime.now(UTC), what, told, persona=key.persona)
    try:
        note_event(state, record)
    except TrailError as error:
        raise Failure(f"not done, for it cannot be recorded: {error}", code=1) from None


def _promoted(defs: Path, name: str) -> tuple[Path, bytes, Place]:
    """The file with `mode: enforce`, all else as it was."""
    files, _ = read_folder(defs)
    for source in files:
        for document in read(source, Problems()):
            value = document.value
            metadata = value.get("metadata") if isinstance(value, dict) else None
            if not isinstance(metadata, dict) or metadata.get("name") != name:
                continue
            if not isinstance(value, dict) or value.get("kind") != "Persona":
                continue
            place = document.at("mode")
            lines = source.data.decode().split("\n")
            line = lines[place.line - 1]
            head, tail = line[: place.column - 1], line[place.column - 1 :]
            lines[place.line - 1] = head + tail.replace("shadow", "enforce", 1)
            return Path(source.name), "\n".join(lines).encode(), place
    raise Failure(f"no persona `{name}` in {defs}")


def _others(defs: Path, path: Path) -> list[SourceFile]:
    return [one for one in read_folder(defs)[0] if Path(one.name) != path]


def _replace(path: Path, text: bytes) -> None:
    """Whole or not at all: a service may be watching."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_bytes(text)
        fresh.chmod(path.stat().st_mode & 0o777)
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise Failure(f"{path}: can't be written: {error.strerror}") from None


def _table(rows: list[tuple[Key, Would]]) -> Table:
    table = Table(
        "calls", "agent", "tool", "would be refused for", "why", "state", "first", box=SIMPLE, pad_edge=False
    )
    for key, one in rows:
        state = "reviewed" if one.reviewed else "open" if one.still else "allowed by now"
        cells = (key.agent, key.called, key.codes, one.detail, state, one.first)
        table.add_row(str(one.calls), *map(printable, cells))
    return table


def _show(shadow: Shadow) -> None:
    console = Console(soft_wrap=True, highlight=False)
    if not console.is_terminal:
        console.width = WIDE
    total = sum(one.calls for one in shadow.found.values())
    console.print(
        Text(f"{shadow.calls.total()} calls let through, {total} of them would have been refused", "bold")
    )
    span = shadow.span()
    for name, days in sorted(shadow.days.items()):
        told = " ".join(f"{day:%m-%d}:{days[day]}" for day in span[-14:])
        console.print(Text.assemble((f"{name}: ", "bold"), f"{converging(days, span)}  ", (told, "dim")))
    if shadow.found:
        console.print(_table(sorted(shadow.found.items(), key=lambda pair: (-pair[1].calls, pair[0]))))


def _plain(shadow: Shadow) -> dict[str, object]:
    return {
        "calls": shadow.calls.total(),
        "would_be_denied": sum(one.calls for one in shadow.found.values()),
        "days": {
            name: {f"{day}": days[day] for day in shadow.span()} for name, days in sorted(shadow.days.items())
        },
        "findings": [
            {
                "persona": key.persona,
                "agent": key.agent,
                "called": key.called,
                "reasons": key.codes.split(","),
                "calls": one.calls,
                "first": one.first,
                "open": bool(one.still) and not one.reviewed,
                "reviewed": one.reviewed or None,
            }
            for key, one in sorted(shadow.found.items())
        ],
    }


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{path}: can't be written: {error.strerror}") from None
