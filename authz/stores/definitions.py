"""Definitions in files: which files of a folder are read. What they mean is the compiler's business."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from authz.compiler import (
    CASES_SUFFIX,
    Compiled,
    DefinitionsError,
    Problem,
    Progress,
    SourceFile,
    compile_set,
)
from authz.core.app import Place

SUFFIX = ".yaml"
PINNED_SUFFIX = ".tools.json"
DESCRIPTOR_SUFFIXES = frozenset({".binpb", ".desc", ".pb", ".protoset"})
MAX_BYTES = 64 * 1024 * 1024
"""Of one file; the compiler has a lower limit for YAML and says so with the file's name."""


def read_folder(path: Path) -> tuple[list[SourceFile], dict[str, bytes]]:
    """The definitions in a folder (not in its sub-folders), and what lies beside them.

    A path that is a file is read alone, with what lies beside it. Cases are not definitions.

    Raises:
        DefinitionsError: nothing is there, or it can't be read.
    """
    files = [one for one in _files(path) if not one.name.endswith(CASES_SUFFIX)]
    if not files:
        raise _failure(path, "no `*.yaml` with definitions here")
    return [SourceFile(str(one), _read(one)) for one in files], read_beside(path)


def read_cases(path: Path) -> list[SourceFile]:
    """The `*.cases.yaml` in a folder."""
    return [SourceFile(str(one), _read(one)) for one in _files(path) if one.name.endswith(CASES_SUFFIX)]


def read_beside(path: Path) -> dict[str, bytes]:
    """Pinned tools by app name, and descriptor sets by file name."""
    folder = path if path.is_dir() else path.parent
    found: dict[str, bytes] = {}
    for one in sorted(folder.iterdir()):
        if one.name.endswith(PINNED_SUFFIX) and one.is_file():
            found[one.name.removesuffix(PINNED_SUFFIX)] = _read(one)
        elif one.suffix in DESCRIPTOR_SUFFIXES and one.is_file():
            found[one.name] = _read(one)
    return found


def load(path: Path, progress: Progress | None = None) -> Compiled:
    """Read and compile what is at `path`.

    Raises:
        DefinitionsError: with all that is wrong.
    """
    files, beside = read_folder(path)
    with collecting_later():
        return compile_set(files, pinned=beside, progress=progress)


@contextmanager
def collecting_later() -> Iterator[None]:
    """No garbage collection meanwhile: compiling makes much that stays, and walking it doubles the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _files(path: Path) -> list[Path]:
    try:
        if path.is_dir():
            return sorted(one for one in path.glob(f"*{SUFFIX}") if one.is_file())
        if path.is_file():
            return [path]
    except OSError as error:
        raise _failure(path, f"can't be read: {error.strerror}") from None
    raise _failure(path, "is no file or folder" if path.exists() else "is not there")


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES)
    except OSError as error:
        raise _failure(path, f"can't be read: {error.strerror}") from None


def _failure(path: Path, message: str) -> DefinitionsError:
    return DefinitionsError([Problem(Place(str(path)), message)])
