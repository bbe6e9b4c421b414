"""`personas audit`: reads and proves the trail."""

import importlib.metadata
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskProgressColumn, TimeRemainingColumn

from authz.audit import sentence
from authz.audit.cef import cef_line
from authz.audit.filter import Filter, read_since
from authz.audit.ocsf import ocsf_event
from authz.audit.page import page
from authz.audit.summary import Summary
from authz.audit.table import header, row
from authz.cli.audit_words import card, colour_of, told
from authz.cli.failure import Failure
from authz.stores.trail import TrailError, Verdict, read_records, verify
from authz.stores.trail.layout import chain_names, root_of
from authz.stores.trail.proof import read_anchors

app = typer.Typer(no_args_is_help=True)

State = Annotated[Path, typer.Option("--state", help="The state folder of the service.")]
Agent = Annotated[str | None, typer.Option("--agent", help="Only of this agent.")]
User = Annotated[str | None, typer.Option("--user", help="Only on behalf of this user.")]
Persona = Annotated[str | None, typer.Option("--persona", help="Only under this persona.")]
App = Annotated[str | None, typer.Option("--app", help="Only calls of this app.")]
Tool = Annotated[str | None, typer.Option("--tool", help="Only calls of this tool.")]
Decision = Annotated[str | None, typer.Option("--decision", help="`allow` or `deny`.")]
Reason = Annotated[str | None, typer.Option("--reason", help="A reason code, or its family: `tool`.")]
Since = Annotated[str | None, typer.Option("--since", help="An instant (RFC 3339) or a duration: `15m`.")]


def trail_of(state: Path) -> Path:
    """The state folder, if there is a trail in it."""
    root = root_of(state)
    if not chain_names(root):
        raise Failure(f"{state}: no trail here; --state names the folder that `serve` was given")
    return state


def wanted(  # noqa: PLR0917 - as many as there are options
    agent: str | None,
    user: str | None,
    persona: str | None,
    app: str | None,
    tool: str | None,
    decision: str | None,
    reason: str | None,
    since: str | None,
) -> Filter:
    """The filter that the options ask for."""
    try:
        return Filter.of(
            {
                "agent": agent,
                "user": user,
                "persona": persona,
                "app": app,
                "tool": tool,
                "decision": decision,
                "reason": reason,
            },
            since,
            datetime.now(UTC),
        )
    except ValueError as error:
        raise Failure(str(error)) from None


@app.command()
def show(
    state: State,
    identity: Annotated[str | None, typer.Argument(metavar="[ID]", help="Id of one record.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="One record a line, as JSON.")] = False,
    agent: Agent = None,
    user: User = None,
    persona: Persona = None,
    app: App = None,
    tool: Tool = None,
    decision: Decision = None,
    reason: Reason = None,
    since: Since = None,
) -> None:
    """Show one record as a card, or all records, oldest first."""
    trail_of(state)
    if identity is not None:
        _show_one(state, identity, as_json=as_json)
        return
    chosen = wanted(agent, user, persona, app, tool, decision, reason, since)
    console = Console(soft_wrap=True, highlight=False)
    for record in read_records(state):
        if not chosen.passes(record):
            continue
        if as_json:
            typer.echo(orjson.dumps(record))
        else:
            console.print(sentence(record), style=colour_of(record), markup=False)


def _show_one(state: Path, identity: str, *, as_json: bool) -> None:
    found = outcome = None
    for record in read_records(state):
        if record.get("id") == identity:
            found = record
        elif record.get("kind") == "outcome" and record.get("decision") == identity:
            outcome = record
    if found is None:
        raise Failure(f"`{identity}`: no record has this id", code=1)
    if as_json:
        for one in (found, outcome):
            if one is not None:
                typer.echo(orjson.dumps(one))
        return
    Console(highlight=False).print(card(found, outcome))


@app.command()
def tail(
    state: State,
    *,
    lines: Annotated[int, typer.Option("--lines", "-n", min=0, help="How many to begin with.")] = 20,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Go on until Ctrl-C.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="One record a line, as JSON.")] = False,
    agent: Agent = None,
    user: User = None,
    persona: Persona = None,
    app: App = None,
    tool: Tool = None,
    decision: Decision = None,
    reason: Reason = None,
    since: Since = None,
) -> None:
    """Show the last records and follow the trail live, one sentence a line."""
    chosen = wanted(agent, user, persona, app, tool, decision, reason, since)
    trail_of(state)
    console = Console(soft_wrap=True, highlight=False)
    try:
        for record in told(state, chosen, lines, follow=follow):
            if as_json:
                typer.echo(orjson.dumps(record))
            else:
                console.print(sentence(record), style=colour_of(record), markup=False)
    except KeyboardInterrupt:
        return


class Format(StrEnum):
    """How records are written out."""

    JSONL = "jsonl"
    CSV = "csv"
    OCSF = "ocsf"
    CEF = "cef"


@app.command("export")
def export_records(
    state: State,
    *,
    form: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.JSONL,
    agent: Agent = None,
    user: User = None,
    persona: Persona = None,
    app: App = None,
    tool: Tool = None,
    decision: Decision = None,
    reason: Reason = None,
    since: Since = None,
) -> None:
    """Write records to standard output, oldest first, one a line."""
    trail_of(state)
    chosen = wanted(agent, user, persona, app, tool, decision, reason, since)
    if form is Format.CSV:
        typer.echo(header())
    for record in read_records(state):
        if chosen.passes(record):
            typer.echo(_WRITERS[form](record))


_WRITERS: Mapping[Format, Callable[[Mapping[str, object]], str | bytes]] = {
    Format.JSONL: orjson.dumps,
    Format.CSV: row,
    Format.OCSF: lambda record: orjson.dumps(ocsf_event(record)),
    Format.CEF: lambda record: cef_line(record, importlib.metadata.version("agent-personas")),
}


@app.command()
def report(
    state: State,
    *,
    since: Annotated[str, typer.Option("--since", help="An instant (RFC 3339) or a duration.")] = "1d",
    output: Annotated[Path, typer.Option("--output", "-o", help="Where to write.")] = Path("report.html"),
) -> None:
    """Write one self-contained HTML page: decisions over time, by persona, agent and reason."""
    trail_of(state)
    now = datetime.now(UTC)
    try:
        begin = read_since(since, now)
    except ValueError as error:
        raise Failure(str(error)) from None
    summary = Summary(begin, now)
    for record in read_records(state):
        summary.add(record)
    try:
        output.write_text(page(summary), encoding="utf-8")
    except OSError as error:
        raise Failure(f"{output}: {(error.strerror or 'cannot be written').lower()}") from None
    typer.echo(f"{output}: {summary.total} decisions since {begin.isoformat(timespec='seconds')}")


@app.command("verify")
def verify_trail(
    state: State,
    anchor: Annotated[
        Path | None, typer.Option("--anchor", help="Heads or records that were kept elsewhere (JSON lines).")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="The public sealing key to trust, if not the trail's own.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One object.")] = False,
) -> None:
    """Prove that nothing is missing, altered, out of order or foreign; exit 1 if anything is."""
    trail_of(state)
    try:
        anchors = read_anchors(anchor) if anchor is not None else None
        with Progress(
            "verifying",
            BarColumn(),
            TaskProgressColumn(),
            DownloadColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not os.isatty(2),
        ) as bar:
            task = bar.add_task("verifying", total=sum(_sizes(state)))
            verdict = verify(
                state, anchors=anchors, public=key, progress=lambda read: bar.advance(task, read)
            )
    except TrailError as error:
        raise Failure(str(error)) from None
    if as_json:
        typer.echo(orjson.dumps(_verdict_json(verdict), option=orjson.OPT_INDENT_2))
    else:
        _print_verdict(verdict, anchored=anchor is not None, own_key=key is None)
    raise typer.Exit(0 if verdict.sound else 1)


def _sizes(state: Path) -> Iterator[int]:
    for path in (root_of(state) / "chains").glob("*/*.jsonl"):
        yield path.stat().st_size


def _verdict_json(verdict: Verdict) -> dict[str, object]:
    return {
        "sound": verdict.sound,
        "records": verdict.records,
        "key": verdict.key,
        "problems": [
            {"file": str(one.path), "line": one.line, "what": one.what, "message": one.message}
            for one in verdict.problems
        ],
        "chains": [
            {
                "name": chain.name,
                "records": chain.records,
                "last": chain.last,
                "sealed": chain.sealed,
                "anchored": chain.anchored,
                "notes": chain.notes,
            }
            for chain in verdict.chains
        ],
    }


def _print_verdict(verdict: Verdict, *, anchored: bool, own_key: bool) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for chain in verdict.chains:
        for note in chain.notes:
            console.print(f"note: {note}", style="yellow", markup=False)
    for problem in verdict.problems:
        console.print(str(problem), style="red", markup=False)
    if not verdict.sound:
        console.print(f"the trail is NOT sound: {len(verdict.problems)} of {len(verdict.chains)} chains")
        return
    console.print(f"sound: {verdict.records} records in {len(verdict.chains)} chains", style="green")
    for chain in verdict.chains:
        vouched = f"signed up to record {chain.sealed}"
        if chain.last > chain.sealed:
            vouched += f", records {chain.sealed + 1} to {chain.last} are chained only"
        if anchored:
            vouched += f", confirmed by the anchor up to record {chain.anchored}"
        console.print(f"  {chain.name}: {chain.records} records, {vouched}", markup=False)
    if own_key:
        console.print(
            f"  signatures are of key {verdict.key}, kept beside the trail: "
            "who could write both could forge both; --anchor or --key says more",
            markup=False,
        )
