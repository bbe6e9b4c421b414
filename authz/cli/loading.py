"""Paths on a command line to compiled sets, with a progress bar where somebody watches."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from authz.cli.failure import Failure
from authz.compiler import CASES_SUFFIX, Compiled, DefinitionsError, SourceFile, compile_set
from authz.compiler import Progress as Told
from authz.stores.definitions import collecting_later, read_beside, read_cases, read_folder

ENOUGH = 200
"""Fewer documents than these are compiled before a bar could be seen."""


@contextmanager
def watched(text: str) -> Iterator[Told | None]:
    """A progress bar on a terminal, nothing elsewhere."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(text, total=None, visible=False)

        def told(done: int, total: int) -> None:
            if done % 50 == 0:
                progress.update(task, completed=done, total=total, visible=total > ENOUGH)

        yield told


def sets_of(paths: Sequence[Path]) -> list[list[Path]]:
    """The sets that the paths make: each folder is one, and files named one by one belong to each of them."""
    files = [one for one in paths if not one.is_dir()]
    folders = [one for one in paths if one.is_dir()]
    return [[folder, *files] for folder in folders] or [files]


def compiled(paths: Sequence[Path], *, cases: bool = False) -> Compiled:
    """Compile the paths together.

    Args:
        paths: Folders and files.
        cases: Whether the `*.cases.yaml` of the folders are compiled with them.

    Raises:
        DefinitionsError: with all that is wrong.
    """
    files: dict[str, SourceFile] = {}
    beside: dict[str, bytes] = {}
    for path in paths:
        whole = path.parent if path.name.endswith(CASES_SUFFIX) else path
        found, near = read_folder(whole)
        if cases or whole is not path:
            found += read_cases(path if whole is not path else whole)
        files.update((one.name, one) for one in found)
        beside.update(near)
    if not beside and paths:
        beside = read_beside(paths[0])
    with watched("compiling") as progress, collecting_later():
        return compile_set(list(files.values()), pinned=beside, progress=progress)


def loaded(path: Path) -> Compiled:
    """Compile what a command needs; what is wrong with it ends the command."""
    try:
        return compiled([path])
    except DefinitionsError as error:
        raise told(error, path) from None


def told(error: DefinitionsError, *paths: Path, code: int = 2) -> Failure:
    """What is wrong, as the end of a command: one line if it is one thing, else each and their number."""
    if len(error.problems) == 1:
        return Failure(str(error.problems[0]), code=code)
    sys.stderr.writelines(f"{one}\n" for one in error.problems)
    where = " ".join(map(str, paths))
    return Failure(f"{where}: {len(error.problems)} errors in the definitions", code=code)
