"""`personas usage`: permission that nobody used, and limits that are nearly used up."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.text import Text

from authz.audit.filter import read_since
from authz.audit.record import instant
from authz.cli.audit import trail_of
from authz.cli.failure import Failure
from authz.cli.loading import loaded
from authz.compiler.problem import printable
from authz.offline.usage import Remark, remarks, used
from authz.stores.trail import read_records


def command(
    defs: Annotated[Path, typer.Option("--defs", help="Folder of definitions.")],
    state: Annotated[Path, typer.Option("--state", help="The state folder of the service.")],
    since: Annotated[
        str, typer.Option("--since", help="An instant (RFC 3339) or a duration: `30d`.")
    ] = "30d",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show what is granted and was never used, and what is nearly at its limit, each with the edit."""
    compiled = loaded(defs)
    try:
        begin = instant(read_since(since, datetime.now(UTC)))
    except ValueError as error:
        raise Failure(str(error)) from None
    found = used(read_records(trail_of(state)), begin)
    told = list(remarks(compiled, found))
    if as_json:
        calls = {name: found[name].calls if name in found else 0 for name in compiled.definitions.personas}
        typer.echo(
            orjson.dumps({"since": begin, "calls": calls, "remarks": [_plain(one) for one in told]}).decode()
        )
        return
    _show(told, begin, sum(one.calls for one in found.values()))


def _plain(one: Remark) -> dict[str, object]:
    return {
        "persona": one.persona,
        "kind": one.kind,
        "what": one.what,
        "edit": one.edit,
        "place": str(one.place) or None,
    }


def _show(told: list[Remark], begin: str, calls: int) -> None:
    console = Console(soft_wrap=True, highlight=False)
    console.print(Text(f"{calls} calls since {begin}", "bold"))
    if not told:
        console.print("all that is granted was used, and no limit is near")
    for one in told:
        colour = "yellow" if one.kind == "nearly" else "cyan"
        console.print(Text.assemble((f"{one.persona}: ", "bold"), (printable(one.what), colour)))
        console.print(Text(printable(f"  {one.place}: {one.edit}"), "dim"))
