"""Where things lie in the trail's folder, and the small file operations that crashes must not break.

STATE/trail/chains/NAME/000001.jsonl   a segment: one record a line
STATE/trail/chains/NAME/000001.seal    its signed end, once it is full
STATE/trail/chains/NAME/lock           held by the one writer
STATE/trail/heads/NAME.json            the signed end of the chain, a moment ago
STATE/trail/heads/NAME.begin           the signed place before the oldest segment kept
STATE/trail/seal.key, seal.pub         the sealing key (the private one may be kept elsewhere)
STATE/trail/digest.key                 the key of the digests of arguments
"""

import fcntl
import os
import re
import time
from pathlib import Path

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_SEGMENT = re.compile(r"(\d{6,})\.jsonl")


class TrailError(Exception):
    """The trail cannot be used: what was to be recorded must be refused."""


def root_of(folder: Path) -> Path:
    """The trail's own folder, given it or the state folder that it lies in."""
    folder = folder.absolute()
    return folder if folder.name == "trail" else folder / "trail"


def chain_folder(root: Path, name: str) -> Path:
    """Where the chain's segments are."""
    return root / "chains" / name


def head_path(root: Path, name: str) -> Path:
    """The signed end of the chain."""
    return root / "heads" / f"{name}.json"


def begin_path(root: Path, name: str) -> Path:
    """The signed place before the oldest segment, once older ones were dropped."""
    return root / "heads" / f"{name}.begin"


def segment_path(folder: Path, number: int) -> Path:
    """The segment of this number."""
    return folder / f"{number:06d}.jsonl"


def segments(folder: Path) -> list[tuple[int, Path]]:
    """All segments of a chain, in order."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    return sorted((int(found[1]), folder / name) for name in names if (found := _SEGMENT.fullmatch(name)))


def chain_names(root: Path) -> list[str]:
    """All chains that have segments or a head, by name."""
    found = {path.name for path in (root / "chains").glob("*") if path.is_dir()}
    found |= {path.stem for path in (root / "heads").glob("*.json")}
    return sorted(found)


def replace(path: Path, content: bytes, *, mode: int = 0o600, durable: bool = True) -> None:
    """Write `path` whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.write(handle, content)
        if durable:
            os.fsync(handle)
    finally:
        os.close(handle)
    fresh.replace(path)


def sync_folder(folder: Path) -> None:
    """Make the entries of a folder durable: a file that was synced is lost with its name otherwise."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def lock(folder: Path, *, wait: float = 0.0) -> int:
    """Become the only writer of a chain; the kernel lets go when the process ends, however it ends.

    Raises:
        TrailError: another process writes it, also after `wait` seconds.
    """
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    give_up = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() < give_up:
                time.sleep(0.01)
                continue
            os.close(handle)
            raise TrailError(
                f"{folder}: another service writes this trail; give each its own --state"
            ) from None
        return handle
