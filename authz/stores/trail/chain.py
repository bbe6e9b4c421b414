"""One chain on disk and its only writer.

A write is whole or undone. After a crash the chain goes on behind the last record that proves itself: torn
bytes stay where they are, as the end of their segment, and a new segment begins.
"""

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from authz.audit.chain import GENESIS, Mark, link, read_tail
from authz.audit.seal import Sealer, verify_mark
from authz.stores.trail import layout
from authz.stores.trail.layout import TrailError

LONGEST_LINE = 1 << 20
"""Bytes of one record; what is read back to find the end of a chain."""


@dataclass(slots=True)
class _Open:
    """The segment that is written to."""

    handle: int
    number: int
    size: int
    since: float


@dataclass(slots=True)
class Chain:
    """Appends to one chain. Made by `open_chain`."""

    root: Path
    name: str
    sealer: Sealer
    segment_bytes: int
    mark: Mark
    lock_handle: int
    max_bytes: int = 0
    """Bytes of all segments above which the oldest are dropped; 0 means that nothing is dropped here."""
    current: _Open | None = None
    broken: str = ""
    """Why nothing can be written any more; set when the disk failed to keep what it had taken."""
    guard: threading.Lock = field(default_factory=threading.Lock)
    retired: list[int] = field(default_factory=list)
    """Handles of full segments that are still to be made durable."""
    durable: Mark | None = None
    """The last record that is known to be on the disk."""
    unlisted: bool = False
    """Whether the folder has a new entry that is still to be made durable."""

    @property
    def folder(self) -> Path:
        """Where the segments are."""
        return layout.chain_folder(self.root, self.name)

    def write(self, bodies: Sequence[bytes]) -> None:
        """Append records (JSON objects) with one write.

        Raises:
            TrailError: not all of them could be written; then none is on the trail.
        """
        with self.guard:
            if self.broken:
                raise TrailError(self.broken)
            block, mark = link(bodies, self.mark)
            try:
                self._put(block)
            except OSError as error:
                raise TrailError(
                    f"{self.folder}: {(error.strerror or 'cannot be written').lower()}"
                ) from None
            self.mark = mark

    def _put(self, block: bytes) -> None:
        current = self.current
        if current is None or (current.size and current.size + len(block) > self.segment_bytes):
            current = self._begin()
        put = 0
        try:
            while put < len(block):
                put += os.write(current.handle, block[put:] if put else block)
        except OSError:
            if put:
                self._undo(current)
            raise
        current.size += put

    def _undo(self, current: _Open) -> None:
        """Take back the part of a block that fitted on the disk."""
        try:
            os.ftruncate(current.handle, current.size)
        except OSError:
            # What is left of the block stays as a torn end; the next write begins a new segment.
            self.retired.append(current.handle)
            self._seal(current.number)
            self.current = None

    def _begin(self) -> _Open:
        """Seal the segment that is full and begin the next."""
        old = self.current
        number = old.number + 1 if old is not None else _highest(self.folder) + 1
        if old is not None:
            self._seal(old.number)
        path = layout.segment_path(self.folder, number)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        if old is not None:
            self.retired.append(old.handle)
        self.unlisted = True
        self.current = _Open(handle, number, os.fstat(handle).st_size, time.monotonic())
        if self.max_bytes:
            drop_oldest(self.root, self.name, self.sealer, self.max_bytes)
        return self.current

    def _seal(self, number: int) -> None:
        path = layout.segment_path(self.folder, number).with_suffix(".seal")
        layout.replace(path, self.sealer.seal(self.mark, "segment"), durable=False)

    def roll(self, older_than: float) -> None:
        """End the present segment if it has been written to for `older_than` seconds."""
        with self.guard:
            current = self.current
            if current is None or not current.size or time.monotonic() - current.since < older_than:
                return
            try:
                self._begin()
            except OSError:
                return  # the next write says so

    def sync(self) -> None:
        """Make durable what was written so far.

        Raises:
            TrailError: the disk failed; nothing more is written to this chain.
        """
        with self.guard:
            mark = self.mark
            retired, self.retired = self.retired, []
            unlisted, self.unlisted = self.unlisted, False
            handle = self.current.handle if self.current is not None else None
        try:
            for one in retired:
                os.fsync(one)
                os.close(one)
            if handle is not None:
                os.fsync(handle)
            if unlisted:
                layout.sync_folder(self.folder)
        except OSError as error:
            # After a failed fsync the kernel may have dropped the pages: what it holds is not known any more.
            self.broken = f"{self.folder}: fsync failed: {(error.strerror or 'unknown').lower()}"
            raise TrailError(self.broken) from None
        self.durable = mark

    def keep_head(self, mark: Mark) -> None:
        """Sign the end of the chain. For one thread only: that of the trail, or the one that closes it.

        Raises:
            TrailError: it can't be written.
        """
        try:
            layout.replace(
                layout.head_path(self.root, self.name), self.sealer.seal(mark, "head"), durable=False
            )
        except OSError as error:
            raise TrailError(
                f"{self.root / 'heads'}: {(error.strerror or 'cannot be written').lower()}"
            ) from None

    def close(self) -> None:
        """Make everything durable and let go of the chain."""
        try:
            self.sync()
            self.keep_head(self.mark)
        finally:
            if self.current is not None:
                os.close(self.current.handle)
                self.current = None
            os.close(self.lock_handle)


def open_chain(  # noqa: PLR0913 - two limits and a patience, with defaults
    root: Path, name: str, sealer: Sealer, *, segment_bytes: int, max_bytes: int = 0, wait: float = 0.0
) -> Chain:
    """Become the writer of the chain `name` and go on where it ends.

    Raises:
        TrailError: the name is no name, another process writes the chain, or the folder can't be used.
    """
    if not layout.NAME.fullmatch(name):
        raise TrailError(f"`{name}` is no name for a chain: letters, digits, `.`, `_` and `-`")
    folder = layout.chain_folder(root, name)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (root / "heads").mkdir(exist_ok=True, mode=0o700)
        handle = layout.lock(folder, wait=wait)
    except OSError as error:
        raise TrailError(f"{folder}: {(error.strerror or 'cannot be used').lower()}") from None
    try:
        return _resume(root, name, sealer, segment_bytes, max_bytes, handle)
    except OSError as error:
        os.close(handle)
        raise TrailError(f"{folder}: {(error.strerror or 'cannot be used').lower()}") from None


def _resume(  # noqa: PLR0913, PLR0917 - all of it is the chain that is being made
    root: Path, name: str, sealer: Sealer, segment_bytes: int, max_bytes: int, handle: int
) -> Chain:
    folder = layout.chain_folder(root, name)
    public = sealer.key.public_key()
    head = _signed(layout.head_path(root, name), "head", sealer)
    begin = _signed(layout.begin_path(root, name), "begin", sealer) or Mark(name, 0, GENESIS)
    known = layout.segments(folder)
    last = begin
    whole = True
    for _, path in reversed(known):
        found, clean = _end_of(path, name)
        whole = whole and clean
        if found is not None:
            last = found
            break
    chain = Chain(root, name, sealer, segment_bytes, last, handle, max_bytes)
    if head is not None and head.seq > last.seq:
        chain.mark = head  # the records between are missing, and the gap must stay visible
        whole = False
    if known:
        number, path = known[-1]
        seal = path.with_suffix(".seal")
        sealed = seal.exists() and verify_mark(seal.read_bytes(), "segment", public) is not None
        if not whole and not sealed:
            layout.replace(seal, sealer.seal(last, "segment"))
        if whole and not sealed:
            reopened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            chain.current = _Open(reopened, number, os.fstat(reopened).st_size, time.monotonic())
    chain.keep_head(chain.mark)
    return chain


def _signed(path: Path, what: str, sealer: Sealer) -> Mark | None:
    """A signed mark; one that is not ours is put aside, where a proof finds it."""
    if not path.exists():
        return None
    mark = verify_mark(path.read_bytes(), what, sealer.key.public_key())
    if mark is None:
        path.replace(path.with_name(f"{path.name}.refused"))
    return mark


def _highest(folder: Path) -> int:
    return max((number for number, _ in layout.segments(folder)), default=0)


def _end_of(path: Path, name: str) -> tuple[Mark | None, bool]:
    """The last record of a segment that proves itself, and whether nothing comes after it."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 2 * LONGEST_LINE))
        rest = file.read()
    if not rest:
        return None, True
    *lines, torn = rest.split(b"\n")
    clean = not torn
    for line in reversed(lines):
        tail = read_tail(line)
        if tail is not None and tail.true and tail.chain == name:
            return Mark(name, tail.seq, tail.hash), clean
        clean = False
    return None, False


def drop_oldest(root: Path, name: str, sealer: Sealer, max_bytes: int, upto: int | None = None) -> int:
    """Drop the oldest full segments until the chain has at most `max_bytes`; how many records went.

    `upto` is the number of the first segment that must stay. The place where the chain now begins is signed,
    so that a proof can tell what was dropped from what was taken away.
    """
    folder = layout.chain_folder(root, name)
    known = layout.segments(folder)
    sizes = [path.stat().st_size for _, path in known]
    total = sum(sizes)
    begin = _signed(layout.begin_path(root, name), "begin", sealer)
    first = begin.seq if begin is not None else 0
    dropped = 0
    for (number, path), size in zip(known[:-1], sizes, strict=False):
        seal = path.with_suffix(".seal")
        if total <= max_bytes or (upto is not None and number >= upto) or not seal.exists():
            break
        end = verify_mark(seal.read_bytes(), "segment", sealer.key.public_key())
        if end is None:
            break  # what has no true seal is evidence, and stays
        layout.replace(layout.begin_path(root, name), sealer.seal(end, "begin"))
        path.unlink()
        seal.unlink()
        dropped = end.seq - first
        total -= size
    return dropped
