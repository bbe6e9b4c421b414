"""Logs on a command line: where their lines come from, with a progress bar where somebody watches."""

import heapq
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from authz.cli.failure import Failure
from authz.compiler.problem import printable
from authz.core.call import Agent
from authz.offline.formats.envoy import NAMES
from authz.offline.reading import Format, Reading
from authz.offline.told import Fallback
from authz.stores.trail.layout import chain_folder, chain_names, root_of, segments

CallsOption = Annotated[
    Path, typer.Option("--calls", help="The log; `-` reads standard input. A state folder for `trail`.")
]
FormatOption = Annotated[Format, typer.Option("--format", help="How the log is written.")]
AgentOption = Annotated[str | None, typer.Option("--agent", help="The agent, where the log names none.")]
UserOption = Annotated[str | None, typer.Option("--user", help="The user, where the log names none.")]
PersonaOption = Annotated[
    str | None, typer.Option("--persona", help="The persona, where the log names none.")
]
FieldOption = Annotated[
    list[str] | None,
    typer.Option("--field", help="For `envoy`: `agent=x-my-agent` says which member holds what."),
]
_WHOLE = 256 * 1024 * 1024
"""Bytes of a JSON document over many lines that is read at once."""
_EVERY = 1 << 18
"""Bytes between two looks at the bar."""


def fallback(agent: str | None, user: str | None, persona: str | None) -> Fallback:
    """What to take where the log does not say."""
    return Fallback(agent=None if agent is None else Agent(id=agent), user=user, persona=persona)


def fields_of(given: list[str] | None) -> Mapping[str, str]:
    """`agent=x-my-agent` by meaning."""
    found: dict[str, str] = {}
    for one in given or ():
        name, equals, member = one.partition("=")
        if not equals or not member or name not in NAMES:
            raise Failure(f"--field `{one}`: write NAME=MEMBER, NAME one of {', '.join(NAMES)}")
        found[name] = member
    return found


@contextmanager
def log_lines(path: Path, form: Format) -> Iterator[Iterable[tuple[int, bytes]]]:
    """The lines of a log, numbered from 1."""
    try:
        if path.is_dir():
            if form is not Format.TRAIL:
                raise Failure(
                    f"{path}: is a folder; --calls names a file, or with --format trail a state folder"
                )
            yield _trail_lines(path)
        elif str(path) == "-":
            yield enumerate(sys.stdin.buffer, 1)
        else:
            with path.open("rb") as file, _watched(file, path) as lines:
                yield _documents(lines, file, form)
    except FileNotFoundError:
        raise Failure(f"{path}: no such log; --calls names a file") from None
    except OSError as error:
        raise Failure(f"{path}: can't be read: {error.strerror}") from None


def _documents(
    lines: Iterator[tuple[int, bytes]], file: IO[bytes], form: Format
) -> Iterator[tuple[int, bytes]]:
    """The lines; a JSON document that is spread over many is read as one."""
    first = next(lines, None)
    if first is None:
        return
    if form is not Format.CALLS and first[1].strip() in {b"{", b"["}:
        text = first[1] + file.read(_WHOLE)
        try:
            whole = orjson.loads(text)
        except orjson.JSONDecodeError:
            yield 1, text
            return
        for one in whole if isinstance(whole, list) else [whole]:
            yield 1, orjson.dumps(one)
        return
    yield first
    yield from lines


@contextmanager
def _watched(file: IO[bytes], path: Path) -> Iterator[Iterator[tuple[int, bytes]]]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield enumerate(file, 1)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), DownloadColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task("replaying", total=path.stat().st_size)

        def told() -> Iterator[tuple[int, bytes]]:
            done = shown = 0
            for number, line in enumerate(file, 1):
                done += len(line)
                if done - shown > _EVERY:
                    progress.update(task, completed=done)
                    shown = done
                yield number, line

        yield told()


def _trail_lines(state: Path) -> Iterator[tuple[int, bytes]]:
    """The records of all chains by time, numbered over the whole."""
    root = root_of(state)
    names = chain_names(root)
    if not names:
        raise Failure(f"{state}: no trail here; name the folder that `serve` was given")
    chains = [_chain_lines(root, name) for name in names]
    for number, (_, line) in enumerate(heapq.merge(*chains, key=lambda pair: pair[0]), 1):
        yield number, line


def _chain_lines(root: Path, name: str) -> Iterator[tuple[bytes, bytes]]:
    last = b""
    for _, path in segments(chain_folder(root, name)):
        with path.open("rb") as file:
            for line in file:
                at = line.find(b'"at":"')
                last = line[at + 6 : at + 33] if at >= 0 else last
                yield last, line


def say_bad(reading: Reading) -> None:
    """Show on standard error which lines could not be read: they are in no other count."""
    bad = reading.bad
    if not bad.count:
        return
    for one in bad.first:
        sys.stderr.write(f"line {one.number}: {printable(one.why)}\n")
    total = f"{bad.count} line{'s' * (bad.count != 1)} could not be read"
    sys.stderr.write(f"{total}: line{'s' * (bad.count != 1)} {bad.numbers()}\n")
