"""`personas diff`: what a change of definitions newly allows and newly denies."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from authz.cli.failure import Failure
from authz.cli.loading import loaded
from authz.cli.logs import (
    AgentOption,
    FieldOption,
    FormatOption,
    PersonaOption,
    UserOption,
    fallback,
    fields_of,
    log_lines,
    say_bad,
)
from authz.compiler import DefinitionsError
from authz.offline.diff.around import app_changes, other_changes, people_changes
from authz.offline.diff.calls import Shifts
from authz.offline.diff.change import Change, Side
from authz.offline.diff.markdown import markdown
from authz.offline.diff.personas import persona_changes
from authz.offline.judging import Judge
from authz.offline.reading import Format, Reading, reader_of
from authz.offline.told import Told
from authz.stores.definitions import read_folder

NEWLY_ALLOWED = 4
"""Exit status when anything is newly allowed."""


def command(  # noqa: PLR0917 - as many as there are options
    old: Annotated[Path, typer.Option("--old", help="Folder of definitions before the change.")],
    new: Annotated[Path, typer.Option("--new", help="Folder of definitions after it.")],
    calls: Annotated[
        Path | None, typer.Option("--calls", help="A log on which both are tried; `-` reads standard input.")
    ] = None,
    form: FormatOption = Format.CALLS,
    agent: AgentOption = None,
    user: UserOption = None,
    persona: PersonaOption = None,
    field: FieldOption = None,
) -> None:
    """What a change newly allows and denies, as Markdown. Ends with 4 if anything is newly allowed."""
    before, after = _side(old), _side(new)
    changes = structural(before, after)
    shifts = None
    if calls is not None:
        who = fallback(agent, user, persona)
        shifts = Shifts(old=Judge(before.compiled, who), new=Judge(after.compiled, who))
        reader = reader_of(form, after.compiled.definitions, fields_of(field))
        with log_lines(calls, form) as lines:
            reading = Reading(lines, reader)
            for index, one in reading:
                if isinstance(one, Told):
                    shifts.add(index, one)
                else:
                    shifts.ended(one)
            say_bad(reading)
    typer.echo(markdown(changes, shifts))
    if any(one.direction.allows for one in changes) or (shifts is not None and shifts.allowed):
        raise typer.Exit(NEWLY_ALLOWED)


def structural(before: Side, after: Side) -> list[Change]:
    """All that changed in what is enforced."""
    return [
        *persona_changes(before, after),
        *app_changes(before, after),
        *people_changes(before, after),
        *other_changes(before, after),
    ]


def _side(path: Path) -> Side:
    compiled = loaded(path)
    try:
        files, _ = read_folder(path)
    except DefinitionsError as error:
        sys.stderr.writelines(f"{one}\n" for one in error.problems)
        raise Failure(f"{path}: can't be read") from None
    return Side.of(compiled, files)
