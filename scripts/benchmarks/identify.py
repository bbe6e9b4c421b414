"""Who is calling: time of a resolution at 1,000 and 1,000,000 keys, memory, and the start with all.

Each size runs in a process of its own over a SQLite store that is filled first. `resolve` is the look-up and
the proof of a key that was read, for 1,000 busy keys; `identify` is the whole ladder from the headers on.
`scattered` is `resolve` for 50,000 keys in random order: then the memory of the machine is measured.
"""

import argparse
import json
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from authz.core.request import Request
from authz.identity import identify, new_id, new_key, parse_key
from authz.identity.key import fingerprint
from authz.stores.keys_sqlite import open_keys

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
SIZES = (1_000, 1_000_000)
PRESENTED = 50_000
BUSY = 1_000
T = TypeVar("T")


def fill(state: Path, count: int) -> None:
    """Make a store of `count` keys; those that will be presented are kept beside it."""
    open_keys(state).close()
    pepper = (state / "keys.pepper").read_bytes()
    issued, expires = (int(at.timestamp() * 1000) for at in (AT, AT + timedelta(days=90)))
    draw = random.Random(5)  # noqa: S311 - keys of a benchmark
    texts: list[str] = []

    def rows() -> "list[tuple[object, ...]]":
        found: list[tuple[object, ...]] = []
        for number in range(1, count + 1):
            key_id = new_id(draw.randbytes(16))
            text = new_key("prod", key_id, draw.randbytes(32))
            if number % max(1, count // PRESENTED) == 0:
                texts.append(text)
            agent, user = f"agent-{number % 5000}", f"user-{number % 100_000}@example.com"
            bound = (key_id, "prod", agent, "model-x", "1.4", "prod-eu", user, "support-summarizer")
            secret = (fingerprint(pepper, text), None, None, expires)
            found.append((*bound, *secret, 0, None, "[]", None, "root", issued, number))
        return found

    connection = sqlite3.connect(state / "keys.sqlite")
    connection.executemany(f"INSERT INTO keys VALUES ({', '.join('?' * 19)})", rows())  # noqa: S608 - marks only
    connection.commit()
    connection.close()
    (state / "presented.txt").write_text("\n".join(texts))


def measure(state: Path) -> dict[str, float]:
    """Start, memory and times over a filled store."""
    began = time.perf_counter()
    store = open_keys(state, progress=lambda count: print(f"  {count:,} keys read", file=sys.stderr))
    started = time.perf_counter() - began
    ring = store.ring()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    texts = (state / "presented.txt").read_text().split("\n")
    random.Random(7).shuffle(texts)  # noqa: S311 - an order
    scattered = [parse_key(text) for text in texts]
    busy = scattered[:BUSY]
    requests = [Request(headers={"authorization": f"Bearer {key.text}"}) for key in busy]
    source = requests[0].source
    times = {
        "resolve_us": timed(lambda key: ring.resolve(key, AT, source), busy),
        "identify_us": timed(lambda request: identify(request, AT, ring), requests),
        "scattered_us": timed(lambda key: ring.resolve(key, AT, source), scattered),
    }
    return {
        "keys": len(ring),
        "start_s": round(started, 2),
        "memory_mib": round(memory, 1),
        **times,
    }


def timed(what: Callable[[T], object], each: Sequence[T]) -> float:
    """Microseconds of processor time for one, the best of several rounds."""
    rounds = []
    for _ in range(max(5, 100_000 // len(each))):
        began = time.process_time()
        for one in each:
            what(one)
        rounds.append((time.process_time() - began) / len(each) * 1e6)
    return round(min(rounds), 2)


def main() -> None:
    """Run each size apart and print a table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--json", type=Path, help="write the figures here")
    arguments.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure)))
        return
    found = []
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            fill(Path(folder), size)
            done = subprocess.run(
                [sys.executable, __file__, "--measure", folder], check=True, stdout=subprocess.PIPE
            )
        found.append(json.loads(done.stdout))
    print(" ".join(f"{name:>12}" for name in found[0]))
    for one in found:
        print(" ".join(f"{value:>12,}" for value in one.values()))
    if given.json:
        given.json.write_text(json.dumps({"benchmark": "identify", "results": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
