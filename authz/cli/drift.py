"""`personas drift`: what left its baseline, since when, and the story of one call."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from authz.audit import event_record
from authz.audit.filter import read_since
from authz.behaviour.report import Drift, Story, Told, report, story
from authz.cli.audit import trail_of
from authz.cli.drift_page import page
from authz.cli.failure import Failure
from authz.cli.keys import who
from authz.server.clock import decision_id
from authz.stores.holds import Holds, open_holds
from authz.stores.keys import StoreError
from authz.stores.trail import TrailError, note_event, read_records

app = typer.Typer(invoke_without_command=True)

State = Annotated[Path | None, typer.Option("--state", help="The state folder of the service.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
BLOCKS = " ▁▂▃▄▅▆▇█"


@app.callback()
def drift(
    context: typer.Context,
    state: State = None,
    since: Annotated[str, typer.Option("--since", help="How far to look back, or an instant.")] = "7d",
    html: Annotated[Path | None, typer.Option("--html", help="Write the report as one HTML page.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Show by agent and persona what drifted, when it began, and the calls around it."""
    if context.invoked_subcommand is not None:
        return
    folder = _folder(state)
    end = datetime.now(UTC)
    start = _start(since, end)
    found = report(read_records(folder), start, end)
    if html is not None:
        try:
            html.write_text(page(found, start, end), encoding="utf-8")
        except OSError as error:
            raise Failure(f"{html}: {(error.strerror or str(error)).lower()}") from None
    if as_json:
        for one in found:
            typer.echo(orjson.dumps(_plain(one)))
    else:
        _print(found)


@app.command()
def explain(
    identity: Annotated[str, typer.Argument(metavar="ID", help="Id of a decision.")],
    state: State = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Tell the story of one call: the rule, its figure, and what came before."""
    found = story(read_records(_folder(state)), identity)
    if found is None:
        raise Failure(f"`{identity}`: no decision has this id", code=1)
    if as_json:
        typer.echo(orjson.dumps(_plain_story(found)))
        return
    console = Console(highlight=False)
    told = found.told
    head = f"agent {found.agent}, on behalf of {found.user}, under persona {found.persona}"
    console.print(f"{head}: {told.call} at {told.at:%Y-%m-%d %H:%M:%S}: {told.effect}", markup=False)
    for why in told.rules or ("nothing of layer 4 was held against it",):
        console.print(f"  {why}", markup=False)
    for name, figure in found.counted.items():
        console.print(f"  counted {name}: {figure}", markup=False)
    console.print(_calls([*found.before, told], found))


@app.command()
def held(state: State = None, *, as_json: AsJson = False) -> None:
    """Show whom drift has suspended that has no key; keys are shown by `personas keys list`."""
    holds = _holds(state)
    rows = holds.listed()
    holds.close()
    for agent, user, persona, why, at in rows:
        plain = {"agent": agent, "user": user, "persona": persona, "why": why, "at": at}
        told = f"agent {agent}, on behalf of {user}, under persona {persona}, since {at}: {why}"
        typer.echo(orjson.dumps(plain) if as_json else told)
    if not rows and not as_json:
        typer.echo("nobody is held")


@app.command()
def resume(
    agent: Annotated[str, typer.Option("--agent", help="Which agent.")],
    user: Annotated[str, typer.Option("--user", help="On whose behalf.")],
    persona: Annotated[str, typer.Option("--persona", help="Under which persona.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")],
    by: Annotated[str | None, typer.Option("--by", help="Who; the user of the shell unless given.")] = None,
    state: State = None,
) -> None:
    """Let whom drift has suspended work again; a key is resumed by `personas keys resume`."""
    if not reason.strip():
        raise Failure("--reason: say why, it is recorded")
    holds = _holds(state)
    try:
        if (agent, user, persona) not in {row[:3] for row in holds.listed()}:
            raise Failure(f"agent `{agent}` of `{user}` under `{persona}` is not held", code=1)
        facts = {"by": who(by), "reason": reason}
        record = event_record(
            decision_id(), datetime.now(UTC), "caller.resumed", facts, user=user, agent=agent, persona=persona
        )
        note_event(_state(state), record)
        holds.release(agent, user, persona)
    except (StoreError, TrailError) as error:
        raise Failure(str(error), code=1) from None
    finally:
        holds.close()
    typer.echo(f"agent {agent}, on behalf of {user}, under persona {persona}: resumed")


def _state(state: Path | None) -> Path:
    if state is None:
        raise Failure("--state: name the folder that `serve` was given")
    return state


def _holds(state: Path | None) -> Holds:
    folder = _state(state)
    if not folder.is_dir():
        raise Failure(f"{folder}: no such folder; --state names the folder that `serve` was given")
    try:
        return open_holds(folder)
    except StoreError as error:
        raise Failure(str(error)) from None


def sparkline(counts: Sequence[int]) -> str:
    """The counts as a row of blocks."""
    top = max(counts, default=0) or 1
    return "".join(BLOCKS[0 if not one else 1 + (one * (len(BLOCKS) - 2)) // top] for one in counts)


def _folder(state: Path | None) -> Path:
    return trail_of(_state(state))


def _start(since: str, end: datetime) -> datetime:
    try:
        return read_since(since, end)
    except ValueError as error:
        raise Failure(str(error)) from None


def _print(found: Sequence[Drift]) -> None:
    console = Console(highlight=False)
    if not found:
        console.print("nothing left its baseline")
        return
    for one in found:
        began = f"{one.began:%Y-%m-%d %H:%M:%S}" if one.began else ""
        console.print(Text(f"{one.agent} under {one.persona}", style="bold"))
        console.print(f"  calls   {sparkline(one.all_in)} {one.calls}", markup=False)
        console.print(Text(f"  drifted {sparkline(one.drifted_in)} {one.drifted}", style="red"))
        console.print(
            f"  began {began}; {one.since} calls would not have been made had it been stopped there",
            markup=False,
        )
        told = one.rules or one.reasons
        console.print(
            f"  {', '.join(f'{name} x{count}' for name, count in told.most_common())}", markup=False
        )
        console.print(_calls(one.around))


def _calls(calls: Sequence[Told], known: Story | None = None) -> Table:
    table = Table("when", "call", "target", "effect", "ended", "why", box=None, padding=(0, 2, 0, 2))
    for one in calls:
        ended = known.outcomes.get(one.id, "") if known is not None else ""
        why = "; ".join(one.rules or one.reasons)
        words = (f"{one.at:%m-%d %H:%M:%S}", one.call, one.target or "", one.effect, ended, why)
        table.add_row(*(Text(word) for word in words), style="red" if one.drifts else "")
    return table


def _plain(one: Drift) -> dict[str, object]:
    return {
        "agent": one.agent,
        "persona": one.persona,
        "users": sorted(one.users),
        "calls": one.calls,
        "drifted": one.drifted,
        "since_began": one.since,
        "began": one.began.isoformat() if one.began else None,
        "ended": one.ended.isoformat() if one.ended else None,
        "reasons": dict(one.reasons),
        "rules": dict(one.rules),
        "around": [_plain_call(told) for told in one.around],
    }


def _plain_call(told: Told) -> dict[str, object]:
    return {
        "id": told.id,
        "at": told.at.isoformat(),
        "call": told.call,
        "target": told.target,
        "effect": told.effect,
        "reasons": list(told.reasons),
    }


def _plain_story(found: Story) -> dict[str, object]:
    return {
        **_plain_call(found.told),
        "agent": found.agent,
        "user": found.user,
        "persona": found.persona,
        "why": list(found.told.rules),
        "counted": dict(found.counted),
        "before": [{**_plain_call(one), "outcome": found.outcomes.get(one.id)} for one in found.before],
    }
