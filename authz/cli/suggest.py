"""`personas suggest`: a least-privilege persona drafted from what was seen."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

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
from authz.core.definitions import Definitions
from authz.offline.reading import Format, Reading, reader_of
from authz.offline.suggestion.proving import DraftError, Ground, prove
from authz.offline.suggestion.seen import Evidence
from authz.offline.told import Told
from authz.stores.definitions import read_folder


def command(  # noqa: PLR0917 - as many as there are options
    calls: CallsOption,
    form: FormatOption = Format.CALLS,
    defs: Annotated[
        Path | None,
        typer.Option("--defs", help="Whose Apps and Directory are taken; without it they are drafted, too."),
    ] = None,
    timezone: Annotated[str, typer.Option("--timezone", help="IANA time zone of hours.")] = "UTC",
    out: Annotated[Path | None, typer.Option("--out", help="Write to this file; else print it.")] = None,
    agent: AgentOption = None,
    user: UserOption = None,
    persona: PersonaOption = None,
    field: FieldOption = None,
) -> None:
    """Draft a least-privilege persona from a log; comments say from how many calls each line comes."""
    compiled = loaded(defs) if defs is not None else None
    if compiled is None and form is Format.ENVOY:
        raise Failure("--format envoy needs --defs: only an App's routes tell which tool a path is")
    files, beside = read_folder(defs) if defs is not None else ([], {})
    who = fallback(agent, user, persona)
    with _twice(calls) as log:
        evidence = Evidence(compiled, who, _zone(timezone))
        definitions = compiled.definitions if compiled is not None else Definitions()

        def told() -> Iterator[Told]:
            with log_lines(log, form) as lines:
                for _, one in Reading(lines, reader_of(form, definitions, fields_of(field))):
                    if isinstance(one, Told):
                        yield one

        with log_lines(log, form) as lines:
            reading = Reading(lines, reader_of(form, definitions, fields_of(field)))
            for _, one in reading:
                if isinstance(one, Told):
                    evidence.add(one)
            say_bad(reading)
        if not evidence.personas:
            raise Failure(f"{calls}: holds no call to draft from")
        try:
            draft = prove(evidence, Ground.of(compiled, files), told, who, beside)
        except DraftError as error:
            raise Failure(f"{calls}: no draft could be made: {error}", code=1) from None
    for line in draft.remarks:
        sys.stderr.write(f"{printable(line)}\n")
    _put(draft.text, out)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Failure(f"--timezone `{name}`: unknown; write it like `Europe/Berlin`") from None


@contextmanager
def _twice(path: Path) -> Iterator[Path]:
    """A log that can be read a second time: standard input is kept meanwhile."""
    if str(path) != "-":
        yield path
        return
    with tempfile.NamedTemporaryFile() as kept:
        while part := sys.stdin.buffer.read(1 << 20):
            kept.write(part)
        kept.flush()
        yield Path(kept.name)


def _put(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Failure(f"{out}: can't be written: {error.strerror}") from None
