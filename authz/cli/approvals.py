"""`personas approvals`: people answer what agents ask. Whoever an agent acts for cannot say yes to it."""

import getpass
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from authz.audit import event_record
from authz.cli.failure import Failure
from authz.cli.keys import duration
from authz.server.clock import decision_id
from authz.stores.approvals import Answer, ApprovalError, Approvals, Request, Terms, open_approvals
from authz.stores.trail import TrailError, note_event

app = typer.Typer(no_args_is_help=True)

State = Annotated[Path, typer.Option("--state", help="The state folder of the service.")]
Identity = Annotated[str, typer.Argument(metavar="ID", help="Id of the request.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it is recorded.")]
By = Annotated[str | None, typer.Option("--by", help="Who answers; the user of the shell unless given.")]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Own = Annotated[bool, typer.Option("--own", help="Let the user whom the agent acts for answer as well.")]


@app.command("list")
def list_(
    state: State,
    *,
    every: Annotated[bool, typer.Option("--all", help="Those that were answered, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what waits for an answer, with its arguments."""
    approvals = _open(state)
    try:
        found = list(approvals.requests(datetime.now(UTC), settled=every))
    except ApprovalError as error:
        raise Failure(str(error), code=1) from None
    finally:
        approvals.close()
    if as_json:
        for one in found:
            typer.echo(orjson.dumps(_plain(one)))
        return
    if not found:
        typer.echo("nothing waits for an answer")
        return
    table = Table("id", "since", "agent", "on behalf of", "persona", "call", "rules", "asked", "state")
    for one in found:
        args = "" if one.args is None else orjson.dumps(one.args).decode()
        told = (one.agent, one.user, one.persona, f"{one.app}/{one.tool} {args}", ", ".join(one.rules))
        table.add_row(one.id, f"{one.at:%Y-%m-%d %H:%M:%S}", *told, str(one.asked), one.state)
    Console(highlight=False).print(table)


@app.command()
def grant(  # noqa: PLR0917 - as many as there are options
    identity: Identity,
    state: State,
    reason: Reason,
    by: By = None,
    times: Annotated[int, typer.Option("--times", min=1, help="How many calls it covers.")] = 1,
    lives: Annotated[str, typer.Option("--for", help="How long it holds.")] = "1h",
    *,
    tool: Annotated[bool, typer.Option("--tool", help="Any arguments of that tool, not just these.")] = False,
    own: Own = False,
    as_json: AsJson = False,
) -> None:
    """Say yes: the agent's retry then passes the rules that asked."""
    terms = Terms(times=times, lives=_lives(lives), whole_tool=tool)
    answer = _answer(by, reason)
    approvals = _open(state)
    try:
        _not_own(approvals.request(identity), answer, own=own)
        facts = {"times": times, "for_seconds": terms.lives.total_seconds(), "whole_tool": tool}
        _record(state, "approval.granted", approvals.request(identity), answer, facts)
        found = approvals.grant(identity, answer, terms)
    except ApprovalError as error:
        raise Failure(str(error), code=1) from None
    finally:
        approvals.close()
    _say(found, as_json=as_json)


@app.command()
def deny(identity: Identity, state: State, reason: Reason, by: By = None, *, as_json: AsJson = False) -> None:
    """Say no."""
    answer = _answer(by, reason)
    approvals = _open(state)
    try:
        _record(state, "approval.denied", approvals.request(identity), answer, {})
        found = approvals.deny(identity, answer)
    except ApprovalError as error:
        raise Failure(str(error), code=1) from None
    finally:
        approvals.close()
    _say(found, as_json=as_json)


def _open(state: Path) -> Approvals:
    if not state.is_dir():
        raise Failure(f"{state}: no such folder; --state names the folder that `serve` was given")
    try:
        return open_approvals(state)
    except ApprovalError as error:
        raise Failure(str(error)) from None


def _answer(by: str | None, reason: str) -> Answer:
    if not reason.strip():
        raise Failure("--reason: say why, it is recorded")
    try:
        person = by if by is not None else getpass.getuser()
    except (KeyError, OSError):
        person = ""
    if not person:
        raise Failure("nobody can tell who answers; say it with --by")
    return Answer(by=person, reason=reason, at=datetime.now(UTC))


def _not_own(request: Request, answer: Answer, *, own: bool) -> None:
    if request.state != "waiting":
        raise ApprovalError(f"`{request.id}`: {request.state} already, by `{request.answered_by}`")
    if answer.by == request.user and not own:
        raise Failure(f"`{answer.by}` is whom the agent acts for; another person answers, or --own", code=1)


def _lives(text: str) -> timedelta:
    found = duration(text, "--for")
    if found <= timedelta(0):
        raise Failure(f"--for `{text}`: must be above zero")
    return found


def _record(state: Path, what: str, request: Request, answer: Answer, facts: Mapping[str, object]) -> None:
    """On the trail before it holds; the arguments never."""
    told = {
        "request": request.id,
        "by": answer.by,
        "reason": answer.reason,
        "rules": list(request.rules),
        "app": request.app,
        "tool": request.tool,
        **facts,
    }
    record = event_record(
        decision_id(),
        answer.at,
        what,
        told,
        user=request.user,
        agent=request.agent,
        persona=request.persona,
    )
    try:
        note_event(state, record)
    except TrailError as error:
        raise Failure(f"not done, for it cannot be recorded: {error}", code=1) from None


def _say(found: Request, *, as_json: bool) -> None:
    if as_json:
        typer.echo(orjson.dumps(_plain(found)))
    else:
        typer.echo(f"{found.state}: `{found.tool}` of `{found.app}` for agent `{found.agent}` ({found.id})")


def _plain(one: Request) -> dict[str, object]:
    return {
        "id": one.id,
        "at": one.at.isoformat(),
        "agent": one.agent,
        "user": one.user,
        "persona": one.persona,
        "rules": list(one.rules),
        "app": one.app,
        "tool": one.tool,
        "args": one.args,
        "asked": one.asked,
        "state": one.state,
        "by": one.answered_by,
        "reason": one.reason,
    }
