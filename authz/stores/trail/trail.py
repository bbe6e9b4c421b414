"""The trail of one worker: what is proven on its own chain, refusals of strangers on another with a cap.

A flood of requests without a credential can fill its own chain only, and above a rate per source it becomes
one counted record a second.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

import orjson

from authz.audit.chain import Mark
from authz.audit.digest import canonical
from authz.audit.seal import Sealer
from authz.stores.trail.chain import LONGEST_LINE, Chain, open_chain
from authz.stores.trail.fold import Folding
from authz.stores.trail.layout import TrailError, root_of
from authz.stores.trail.secrets import open_sealer

STRANGERS = "-refused"
"""What the chain of refusals without a proven caller is called, after the worker's name."""


class Sync(StrEnum):
    """What is promised of a record when its answer leaves."""

    OS = "os"
    """The operating system has it: survives the end of the process, not of the machine."""
    SOON = "soon"
    """The same, and at most 100 ms later it is on the disk: a power cut loses no more than that."""
    ALWAYS = "always"
    """It is on the disk: a power cut loses nothing. Each batch waits for the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Sizes and times of a trail."""

    segment_bytes: int = 64 << 20
    segment_seconds: float = 86_400.0
    """A segment is ended at this age, so that it can be shipped and dropped."""
    strangers_bytes: int = 64 << 20
    """Of all refusals without a proven caller; the oldest go."""
    strangers_rate: int = 20
    """Such refusals a second of one source that are recorded one by one; the others are counted."""
    sync_seconds: float = 0.05
    """How long records are gathered before they are made durable; at most half of what `SOON` promises."""


DEFAULTS = Limits()


class Trail:
    """Where one worker records. `append` belongs to one thread; making durable runs beside it."""

    def __init__(self, proven: Chain, strangers: Chain, *, sync: Sync, limits: Limits) -> None:
        self._proven = proven
        self._strangers = strangers
        self._sync = sync
        self._limits = limits
        self._folding = Folding(limits.strangers_rate)
        self._guard = threading.Lock()
        self._dirty = False
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.problem = ""
        """Why the trail can't be written at present; empty while it can."""

    @classmethod
    def open(  # noqa: PLR0913 - each is a setting with a default
        cls,
        folder: Path,
        *,
        worker: str = "0",
        sync: Sync = Sync.SOON,
        limits: Limits = DEFAULTS,
        seal_key: Path | None = None,
        wait: float = 0.0,
    ) -> Self:
        """Become the only writer of this worker's chains below the state folder.

        Raises:
            TrailError: another process is, or the folder can't be used.
        """
        root = root_of(folder)
        sealer = open_sealer(root, seal_key)
        proven = _open(root, worker, sealer, limits, 0, wait)
        try:
            strangers = _open(root, worker + STRANGERS, sealer, limits, limits.strangers_bytes, wait)
        except TrailError:
            proven.close()
            raise
        return cls(proven, strangers, sync=sync, limits=limits)

    def append(self, records: Sequence[Mapping[str, object] | bytes]) -> None:
        """Record a batch: one write for those with a proven caller, one for the others.

        A record that was encoded already (`audit.Scribe`) is one with a proven caller.

        Raises:
            TrailError: they could not all be recorded; then every call of the batch must be refused.
        """
        proven, strangers = _sorted(records)
        try:
            if proven:
                self._proven.write(proven)
            if strangers:
                self._refused(strangers)
            if self._sync is Sync.ALWAYS:
                self._make_durable()
        except TrailError as error:
            self.problem = str(error)
            raise
        if self.problem:
            self.problem = ""
        if not self._dirty:
            self._dirty = True
            if self._thread is None:
                self._start()
            self._wake.set()

    def _refused(self, records: Sequence[Mapping[str, object]]) -> None:
        with self._guard:
            kept = [one for record in records for one in self._folding.pass_on(record)]
        if kept:
            self._strangers.write([encode(one) for one in kept])

    def heads(self) -> tuple[Mark, Mark]:
        """Where the chains end now."""
        return self._proven.mark, self._strangers.mark

    def close(self) -> None:
        """Make everything durable and let go."""
        self._stop.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        try:
            self._flush_folded()
        finally:
            try:
                self._proven.close()
            finally:
                self._strangers.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._keep_durable, name="trail", daemon=True)
        self._thread.start()

    def _keep_durable(self) -> None:
        """Until the trail is closed: make durable, sign heads, end old segments, write what was folded."""
        flushed = time.monotonic()
        while not self._stop.is_set():
            self._wake.wait(1.0)
            self._stop.wait(self._limits.sync_seconds)
            self._wake.clear()
            dirty, self._dirty = self._dirty, False
            try:
                if dirty and self._sync is Sync.SOON:
                    self._make_durable()
                if dirty:
                    self._sign_heads()
                if time.monotonic() - flushed >= 1.0:
                    flushed = time.monotonic()
                    self._flush_folded()
                self._proven.roll(self._limits.segment_seconds)
                self._strangers.roll(self._limits.segment_seconds)
            except TrailError as error:
                self.problem = str(error)

    def _flush_folded(self) -> None:
        with self._guard:
            folded = self._folding.flush()
        if folded:
            self._strangers.write([encode(one) for one in folded])
            self._dirty = True
            self._wake.set()

    def _make_durable(self) -> None:
        self._proven.sync()
        self._strangers.sync()

    def _sign_heads(self) -> None:
        """A head promises what the policy promises: beyond that a power cut would look like tampering."""
        for chain in (self._proven, self._strangers):
            mark = chain.mark if self._sync is Sync.OS else chain.durable
            if mark is not None:
                chain.keep_head(mark)


def _sorted(
    records: Sequence[Mapping[str, object] | bytes],
) -> tuple[list[bytes], list[Mapping[str, object]]]:
    """What goes to which chain."""
    proven: list[bytes] = []
    strangers: list[Mapping[str, object]] = []
    for record in records:
        if isinstance(record, bytes):
            proven.append(record)
        elif _of_a_stranger(record):
            strangers.append(record)
        else:
            proven.append(encode(record))
    return proven, strangers


def _of_a_stranger(record: Mapping[str, object]) -> bool:
    """Whether anyone could have caused it: nobody in force was proven, or no app was reached.

    Nobody is in force without a credential, or with one that is revoked, suspended or expired. Of a call that
    we refused the decision says all; of one that Envoy answered by itself nothing is known but that it came.
    """
    if record.get("kind") == "outcome":
        return record.get("outcome") in {"unseen", "denied"} and record.get("upstream") is None
    if record.get("decision") != "deny":
        return False
    agent, reasons = record.get("agent"), record.get("reasons")
    if isinstance(agent, dict) and agent["id"] is None:
        return True
    first = reasons[0] if isinstance(reasons, list) and reasons else {}
    return str(first.get("code", "")).startswith("credential.")


def _open(  # noqa: PLR0913, PLR0917 - one chain of two
    root: Path, name: str, sealer: Sealer, limits: Limits, max_bytes: int, wait: float
) -> Chain:
    size = min(limits.segment_bytes, max_bytes // 8) if max_bytes else limits.segment_bytes
    return open_chain(root, name, sealer, segment_bytes=size, max_bytes=max_bytes, wait=wait)


def encode(record: Mapping[str, object]) -> bytes:
    """The record as one JSON object.

    Raises:
        TrailError: it is longer than any record may be.
    """
    try:
        body = orjson.dumps(record)
    except TypeError:  # a number or a text that the fast way can't spell
        body = canonical(record)
    if len(body) > LONGEST_LINE // 2:
        raise TrailError(f"a record of {len(body)} bytes: at most {LONGEST_LINE // 2} can be kept")
    return body
