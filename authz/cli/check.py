"""`personas check`: compile definitions and print every error."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from authz.cli.loading import compiled, sets_of
from authz.compiler import Compiled, DefinitionsError, Problem


def command(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Folders and files of definitions. Each folder is a set of its own."
        ),
    ],
    strict: Annotated[bool, typer.Option("--strict", help="Warnings are errors.")] = False,
) -> None:
    """Compile definitions and print every error as `file:line:col: message`."""
    errors: list[Problem] = []
    for one in sets_of(paths):
        try:
            result = compiled(one, cases=True)
        except DefinitionsError as error:
            errors.extend(error.problems)
            continue
        for warning in result.warnings:
            sys.stderr.write(f"{warning.place}:{warning.place.column}: warning: {warning.message}\n")
        if strict:
            errors.extend(result.warnings)
        else:
            typer.echo(f"{' '.join(map(str, one))}: {_said(result)}")
    for problem in sorted(set(errors), key=lambda one: (one.place.file, one.place.line, one.place.column)):
        typer.echo(str(problem))
    if errors:
        files = {one.place.file for one in errors}
        sys.stderr.write(f"{_count(len(set(errors)), 'error')} in {_count(len(files), 'file')}\n")
        raise typer.Exit(1)


def _said(result: Compiled) -> str:
    found = result.definitions
    tools = sum(len(app.tools) for app in found.apps.values())
    return ", ".join(
        (
            f"ok: {_count(len(found.personas), 'persona')}",
            _count(len(found.apps), "app"),
            _count(tools, "tool"),
            _count(len(found.users), "user"),
            _count(len(result.cases), "case"),
        )
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"
