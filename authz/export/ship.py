"""Ships the trail to one sink: from its own place, in batches, again until confirmed."""

import logging
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson

from authz.export.sink import Item, Rejected, Sink, Unavailable
from authz.stores.trail.follow import Follower, Line, encode_place, read_place
from authz.stores.trail.heads import read_heads
from authz.stores.trail.layout import replace

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.05
FIRST_PAUSE = 0.1
LONGEST_PAUSE = 30.0
HEADS_SECONDS = 1.0
"""How often the ends of the chains are sent along: what `verify --anchor` compares with."""


@dataclass(slots=True)
class Progress:
    """How a sink stands; read by the metrics."""

    delivered: int = 0
    retried: int = 0
    rejected: int = 0
    """Records that the receiver refused for good."""
    problem: str = ""
    """Why nothing is delivered at present; empty while all is well."""


class Shipper:
    """Follows the trail for one sink. Memory is bounded by one batch, whatever is behind."""

    def __init__(self, state: Path, sink: Sink, *, spread: random.Random | None = None) -> None:
        self._sink = sink
        self._state = state
        self._path = state / "export" / f"{sink.name}.json"
        self.places = read_place(self._path)
        """How far this sink has confirmed."""
        self._follower = Follower(state, self.places)
        # Jitter only: nothing here is a secret.
        self._spread = spread or random.Random()  # noqa: S311
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._heads: dict[str, bytes] = {}
        self._heads_at = 0.0
        self.progress = Progress()

    @property
    def name(self) -> str:
        """The sink's name."""
        return self._sink.name

    def behind(self) -> int:
        """Bytes of the trail that this sink has not been offered yet."""
        return self._follower.behind()

    def start(self) -> None:
        """Ship in a thread of its own until `stop`."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._thread = threading.Thread(target=self._run, name=f"ship-{self.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end once the sink has all there is, or at once if the sink is down."""
        self._stop.set()

    def join(self, timeout: float) -> bool:
        """Wait for the end; whether it came."""
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            while True:
                stopping = self._stop.is_set()
                done = self.step()
                if stopping and (not done or self.progress.problem):
                    return
                if not done:
                    self._stop.wait(IDLE_SECONDS)
        finally:
            self._sink.close()

    def step(self) -> int:
        """Ship one batch; how many lines it had. Returns only when it is confirmed, or when stopping."""
        lines = list(self._follower.poll(self._sink.batch))
        items = _items(lines) + self._fresh_heads()
        if (lines or items) and self._offer(items):
            self.places = dict(self._follower.places)
            replace(self._path, encode_place(self.places), durable=False)
        return len(lines)

    def _fresh_heads(self) -> list[Item]:
        """The ends of the chains that have moved, at most once a second."""
        if time.monotonic() - self._heads_at < HEADS_SECONDS:
            return []
        self._heads_at = time.monotonic()
        found = []
        for name, line in read_heads(self._state).items():
            if self._heads.get(name) != line:
                self._heads[name] = line
                found.append(Item(line, orjson.loads(line)))
        return found

    def _offer(self, items: Sequence[Item]) -> bool:
        pause = FIRST_PAUSE
        while True:
            try:
                if items:
                    self._sink.deliver(items)
            except Unavailable as error:
                self._say(str(error))
                self.progress.retried += 1
                # Between half of the pause and all of it, so that many exporters don't come back at once.
                wait = max(error.after, pause * self._spread.uniform(0.5, 1.0))
                if self._stop.wait(wait):
                    return False
                pause = min(pause * 2, LONGEST_PAUSE)
                continue
            except Rejected as error:
                if len(items) > 1:  # one bad record must not take the others with it
                    half = len(items) // 2
                    return self._offer(items[:half]) and self._offer(items[half:])
                self.progress.rejected += 1
                identity = items[0].record.get("id")
                log.error("sink %s refused record %s for good: %s", self.name, identity, error)  # noqa: TRY400 - no fault of ours
                return True
            self.progress.delivered += len(items)
            if self.progress.problem:
                self.progress.problem = ""
                log.warning("sink %s takes records again", self.name)
            return True

    def _say(self, problem: str) -> None:
        """Log a new problem once, not at every attempt."""
        if not self.progress.problem:
            log.warning("sink %s: %s; records wait on disk and are sent again", self.name, problem)
        self.progress.problem = problem


def _items(lines: Sequence[Line]) -> list[Item]:
    found = []
    for line in lines:
        try:
            record = orjson.loads(line.data)
        except orjson.JSONDecodeError:
            continue  # not a record; `verify` names it
        if isinstance(record, dict):
            found.append(Item(line.data, record))
    return found
