"""`personas test`: run the cases inside personas and in `*.cases.yaml`."""

import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.text import Text

from authz.cli.loading import compiled, sets_of, told
from authz.cli.offline import Result, run_case
from authz.compiler import Compiled, DefinitionsError
from authz.compiler.problem import printable
from authz.core.app import Place
from authz.core.decision import Allow
from authz.core.persona import Grant, Persona


def command(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Folders and files of definitions. Each folder is a set of its own."
        ),
    ],
    coverage: Annotated[
        bool, typer.Option("--coverage", help="Show the grants and rules that no case exercises.")
    ] = False,
    named: Annotated[str, typer.Option("-k", help="Only cases whose name contains this text.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Run the cases inside personas and in `*.cases.yaml`. Ends with 1 if one fails."""
    began = time.perf_counter()
    sets = [_compiled(one) for one in sets_of(paths)]
    runs = [(one, [run_case(case, one) for case in one.cases if named in case.name]) for one in sets]
    results = [result for _, found in runs for result in found]
    idle = [place for one, found in runs for place in unexercised(one, found)] if coverage else []
    if as_json:
        typer.echo(orjson.dumps(_as_object(results, idle if coverage else None)).decode())
    else:
        _show(results, time.perf_counter() - began)
        if coverage:
            _show_coverage(idle, sum(len(_parts(one)) for one in sets))
    if any(one.failure for one in results):
        raise typer.Exit(1)


def _compiled(paths: Sequence[Path]) -> Compiled:
    try:
        return compiled(paths, cases=True)
    except DefinitionsError as error:
        raise told(error, *paths, code=1) from None


def _show(results: Sequence[Result], seconds: float) -> None:
    console = Console(soft_wrap=True, highlight=False)
    for file, found in groupby(results, key=lambda one: one.case.place.file):
        line = Text(f"{file} ")
        for one in found:
            line.append(*(("F", "bold red") if one.failure else (".", "green")))
        console.print(line)
    failed = [one for one in results if one.failure]
    for one in failed:
        console.print()
        console.print(Text.assemble(("FAILED ", "bold red"), f"{one.case.place} {printable(one.case.name)}"))
        console.print(Text(f"  {printable(one.failure)}"))
        for reason in one.judged.reasons:
            where = f"  ({reason.place})" if str(reason.place) else ""
            console.print(Text(f"  {reason.reason.value}: {printable(reason.detail)}{where}", "dim"))
    passed = len(results) - len(failed)
    text = f"{len(failed)} failed, {passed} passed" if failed else f"{passed} passed"
    console.print(Text(f"{text} in {seconds:.2f} s", "bold red" if failed else "bold green"))


def _as_object(results: Sequence[Result], idle: Sequence[tuple[str, str, Place]] | None) -> dict[str, object]:
    failed = sum(bool(one.failure) for one in results)
    return {
        "passed": len(results) - failed,
        "failed": failed,
        "cases": [
            {
                "name": one.case.name,
                "persona": one.case.persona,
                "place": str(one.case.place),
                "decision": one.judged.word,
                "effect": one.judged.decision.effect.value,
                "reasons": [reason.reason.value for reason in one.judged.reasons],
                "failure": one.failure or None,
            }
            for one in results
        ],
        "unexercised": None
        if idle is None
        else [{"persona": persona, "name": name, "place": str(place)} for persona, name, place in idle],
    }


def _parts(compiled: Compiled) -> list[tuple[str, str, Place]]:
    """All grants and rules: persona, name, place."""
    parts: list[tuple[str, str, Place]] = []
    for persona in compiled.definitions.personas.values():
        parts += [(persona.name, grant.id, grant.place) for grant in _grants(persona)]
        parts += [(persona.name, rule.name, rule.place) for rule in persona.rules]
        if persona.hours is not None:
            parts.append((persona.name, "hours", persona.hours.place))
    return parts


def _grants(persona: Persona) -> list[Grant]:
    found: dict[str, Grant] = {}
    for in_app in persona.grants.values():
        for grants in (*in_app.by_tool.values(), *in_app.by_access.values()):
            found.update((grant.id, grant) for grant in grants)
    return sorted(found.values(), key=lambda one: one.place.line)


def unexercised(compiled: Compiled, results: Iterable[Result]) -> list[tuple[str, str, Place]]:
    """Grants that permitted nothing in any case, and rules that objected to nothing."""
    seen: set[tuple[str, Place]] = set()
    for result in results:
        for one in (result.judged, *result.earlier):
            if isinstance(one.decision, Allow):
                seen.add((one.persona.name, one.decision.grant.place))
            seen.update((one.persona.name, reason.place) for reason in one.reasons)
    return [part for part in _parts(compiled) if (part[0], part[2]) not in seen]


def _show_coverage(idle: Sequence[tuple[str, str, Place]], total: int) -> None:
    console = Console(soft_wrap=True, highlight=False)
    share = 100 * (total - len(idle)) // total if total else 100
    console.print(f"coverage: {total - len(idle)} of {total} grants and rules ({share} %)")
    for persona, name, place in idle:
        console.print(Text(f"  no case exercises {name} of {persona}  {place}", "yellow"))
