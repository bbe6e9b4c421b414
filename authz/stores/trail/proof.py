"""Proves the trail: nothing is missing, altered, out of order or foreign, and how far that is vouched for.

Reads every line once and keeps one hash. What a chain cannot show by itself (its end taken away, or all of it
rewritten) is shown by signed heads, and by heads or records that were sent elsewhere (`anchors`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from authz.audit.chain import GENESIS, Mark, Tail, anchor_of, read_tail
from authz.audit.seal import fingerprint, verify_mark
from authz.stores.trail import layout
from authz.stores.trail.layout import TrailError
from authz.stores.trail.secrets import read_public


@dataclass(frozen=True, slots=True)
class Problem:
    """The first thing that is wrong with a chain."""

    path: Path
    line: int
    """From 1; 0 means the file as such."""
    what: str
    """`missing`, `altered`, `reordered` or `foreign`."""
    message: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else f"{self.path}"
        return f"{place}: {self.what}: {self.message}"


@dataclass(slots=True)
class ChainVerdict:
    """What was found out about one chain."""

    name: str
    records: int = 0
    first: int = 0
    last: int = 0
    sealed: int = 0
    """The last record that a signature reaches; those after it are chained only."""
    anchored: int = 0
    """The last record that something kept elsewhere confirms."""
    problem: Problem | None = None
    notes: list[str] = field(default_factory=list)
    """Torn ends and dropped segments: worth saying, and no error."""


@dataclass(slots=True)
class Verdict:
    """What was found out about the whole trail."""

    chains: list[ChainVerdict] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    key: str = ""
    """Fingerprint of the sealing key that signatures were checked with."""

    @property
    def sound(self) -> bool:
        """Whether nothing is missing or altered."""
        return not self.problems

    @property
    def records(self) -> int:
        """How many records were read."""
        return sum(chain.records for chain in self.chains)


def read_anchors(path: Path) -> dict[str, dict[int, str]]:
    """Hashes by chain and sequence number, from lines that were kept elsewhere.

    Raises:
        TrailError: the file can't be read or names no place in any chain.
    """
    found: dict[str, dict[int, str]] = defaultdict(dict)
    try:
        with path.open("rb") as file:
            for line in file:
                mark = anchor_of(line)
                if mark is not None:
                    found[mark.chain][mark.seq] = mark.hash
    except OSError as error:
        raise TrailError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    if not found:
        raise TrailError(f"{path}: no line names a `chain`, a `seq` and a `hash`")
    return dict(found)


def _ignore(_bytes: int) -> None:
    """No one wants to see the progress."""


def verify(
    state: Path,
    *,
    anchors: dict[str, dict[int, str]] | None = None,
    public: Path | None = None,
    progress: Callable[[int], None] = _ignore,
) -> Verdict:
    """Check every chain below the state folder (or of the trail's own folder).

    `public` is the sealing key to trust; without it the one beside the trail is taken. `progress` is told how
    many bytes were read.

    Raises:
        TrailError: there is no trail, or no sealing key to check with.
    """
    root = layout.root_of(state)
    names = sorted({*layout.chain_names(root), *(anchors or {})})
    if not layout.chain_names(root):
        raise TrailError(f"{root}: no trail here")
    key = read_public(public or root / "seal.pub")
    verdict = Verdict(key=fingerprint(key))
    for name in names:
        proof = _Proof(root, name, key, (anchors or {}).get(name, {}), progress)
        chain = proof.run()
        verdict.chains.append(chain)
        if chain.problem is not None:
            verdict.problems.append(chain.problem)
    return verdict


class _Wrong(Exception):  # noqa: N818 - carries a finding, not a fault of ours
    """Ends the proof of one chain with what is wrong."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


class _Proof:
    """The proof of one chain."""

    def __init__(
        self,
        root: Path,
        name: str,
        key: Ed25519PublicKey,
        anchors: dict[int, str],
        progress: Callable[[int], None],
    ) -> None:
        self._root, self._name, self._key = root, name, key
        self._anchors = anchors
        self._progress = progress
        self._folder = layout.chain_folder(root, name)
        self._verdict = ChainVerdict(name)
        self._seen = Mark(name, 0, GENESIS)
        self._marks: dict[int, tuple[str, Path]] = {}
        """Hashes that signatures promise, and where they stand."""

    def run(self) -> ChainVerdict:
        """Prove the chain, or find the first thing that is wrong."""
        try:
            head = self._head()
            self._begin()
            known = layout.segments(self._folder)
            for index, (_, path) in enumerate(known):
                self._segment(path, known[index + 1 :])
            self._end(head)
        except _Wrong as wrong:
            self._verdict.problem = wrong.problem
        except FileNotFoundError as error:
            path = Path(str(error.filename))
            self._verdict.problem = Problem(path, 0, "missing", "the segment went while it was read")
        self._verdict.last = self._seen.seq
        return self._verdict

    def _head(self) -> Mark:
        """The signed end; read before the segments, which only grow."""
        path = layout.head_path(self._root, self._name)
        aside = path.with_name(f"{path.name}.refused")
        if aside.exists():
            raise _Wrong(Problem(aside, 0, "altered", "a head with a false signature was put aside"))
        if not path.exists():
            raise _Wrong(Problem(path, 0, "missing", "the signed head of the chain is gone"))
        head = verify_mark(path.read_bytes(), "head", self._key)
        if head is None or head.chain != self._name:
            raise _Wrong(Problem(path, 0, "altered", "the signature of the head is false"))
        self._marks[head.seq] = (head.hash, path)
        return head

    def _begin(self) -> None:
        path = layout.begin_path(self._root, self._name)
        if not path.exists():
            return
        begin = verify_mark(path.read_bytes(), "begin", self._key)
        if begin is None or begin.chain != self._name:
            raise _Wrong(Problem(path, 0, "altered", "the signature of the chain's beginning is false"))
        self._seen = begin
        self._verdict.notes.append(f"{path}: records up to {begin.seq} were dropped by the retention")

    def _segment(self, path: Path, later: list[tuple[int, Path]]) -> None:
        seal = path.with_suffix(".seal")
        end = self._seal(seal, path) if seal.exists() else None
        if end is None and later:
            raise _Wrong(Problem(seal, 0, "missing", "the segment is full and its seal is gone"))
        number = 0
        read = 0
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                read += len(line)
                if read >= _STEP:
                    self._progress(read)
                    read = 0
                if not line.endswith(b"\n"):
                    self._verdict.notes.append(f"{path}:{number}: torn last line, left by a crash")
                    break
                self._line(line, path, number, later)
        self._progress(read)
        if end is not None and end.seq > self._seen.seq:
            raise _Wrong(
                Problem(
                    path, number, "missing", f"records {self._seen.seq + 1} to {end.seq} were sealed here"
                )
            )

    def _seal(self, seal: Path, path: Path) -> Mark:
        end = verify_mark(seal.read_bytes(), "segment", self._key)
        if end is None or end.chain != self._name:
            raise _Wrong(Problem(seal, 0, "altered", f"the signature under {path.name} is false"))
        self._marks.setdefault(end.seq, (end.hash, seal))
        return end

    def _line(self, line: bytes, path: Path, number: int, later: list[tuple[int, Path]]) -> None:
        tail = read_tail(line[:-1])
        expected = self._seen.seq + 1
        if tail is None:
            raise _Wrong(Problem(path, number, "altered", f"no record (number {expected} was expected)"))
        if not tail.true:
            raise _Wrong(Problem(path, number, "altered", f"record {tail.seq} is not what was hashed"))
        if tail.chain != self._name:
            raise _Wrong(Problem(path, number, "foreign", f"record {tail.seq} of chain `{tail.chain}`"))
        if tail.seq != expected or tail.prev != self._seen.hash:
            raise _Wrong(self._misplaced(tail, path, number, later))
        self._check(tail, path, number)
        self._seen = Mark(self._name, tail.seq, tail.hash)
        self._verdict.records += 1
        if not self._verdict.first:
            self._verdict.first = tail.seq

    def _misplaced(self, tail: Tail, path: Path, number: int, later: list[tuple[int, Path]]) -> Problem:
        expected = self._seen.seq + 1
        if tail.seq < expected:
            return Problem(path, number, "reordered", f"record {tail.seq} comes again or too late")
        if tail.seq > expected:
            if expected in _sequences([path, *(one for _, one in later)], number):
                return Problem(path, number, "reordered", f"record {tail.seq} comes before record {expected}")
            until = f" to {tail.seq - 1}" if tail.seq - 1 > expected else ""
            return Problem(path, number, "missing", f"record {expected}{until} before this line")
        return Problem(path, number, "altered", f"record {tail.seq} or the one before it was replaced")

    def _check(self, tail: Tail, path: Path, number: int) -> None:
        """Compare with what was signed, and with what was kept elsewhere."""
        promised = self._marks.get(tail.seq)
        if promised is not None:
            if promised[0] != tail.hash:
                raise _Wrong(
                    Problem(path, number, "altered", f"record {tail.seq} is not the one in {promised[1]}")
                )
            self._verdict.sealed = tail.seq
        anchor = self._anchors.get(tail.seq)
        if anchor is not None:
            if anchor != tail.hash:
                raise _Wrong(
                    Problem(path, number, "altered", f"record {tail.seq} is not the one in the anchor")
                )
            self._verdict.anchored = tail.seq

    def _end(self, head: Mark) -> None:
        last = self._seen
        known = layout.segments(self._folder)
        path, line = (known[-1][1], _lines(known[-1][1])) if known else (self._folder, 0)
        if head.seq > last.seq:
            raise _Wrong(
                Problem(path, line, "missing", f"records {last.seq + 1} to {head.seq} after this line")
            )
        if head.seq == last.seq and head.hash != last.hash:
            raise _Wrong(Problem(path, line, "altered", f"the head names another record {head.seq}"))
        highest = max(self._anchors, default=0)
        if highest > last.seq:
            raise _Wrong(
                Problem(path, line, "missing", f"records {last.seq + 1} to {highest}, which the anchor knows")
            )


_STEP = 1 << 20


def _sequences(paths: Iterable[Path], skip: int) -> Iterator[int]:
    """Sequence numbers behind the line `skip` of the first path."""
    for path in paths:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                tail = read_tail(line[:-1]) if number > skip else None
                if tail is not None:
                    yield tail.seq
        skip = 0


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)
