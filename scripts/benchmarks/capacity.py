"""How many cores, how much memory, disk and network so many decisions a second take, and a simulation.

Costs are those that the other benchmarks measured (`docs/performance.md`), given as options. The simulation
has Envoys with a connection to every worker, calls that arrive at random, and workers that decide all that
one read brings together: a fixed cost a read, and one for each call. It says what load on a worker leaves
which latency, and what happens when a worker dies.
"""

import argparse
import heapq
import json
import math
import random
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path

RATES = (1_000, 100_000, 350_000)
MOST_STREAMS = 100
"""Calls of one connection that may be under way (our default)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What was measured."""

    read_us: float = 60.0
    """CPU of a read and a write of a socket, and of the turn of the loop around them."""
    call_us: float = 80.0
    """CPU of each decision in a batch, transport, record and trail included."""
    record_bytes: float = 1_200.0
    """A record on the trail."""
    span_bytes: float = 900.0
    """What is exported of it (OTLP, uncompressed)."""
    export_us: float = 60.0
    """CPU of the exporter for each record."""
    redis_ops: float = 1.0
    """Round trips of a call whose persona counts something, with several workers."""
    base_mib: float = 80.0
    """A worker with small definitions and few keys."""
    key_bytes: float = 700.0
    """Memory of a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a rate of decisions takes."""

    rate: int
    workers: int
    exporter_cores: float
    memory_gib: float
    trail_mib_s: float
    trail_tib_day: float
    export_mib_s: float
    redis_per_second: float


def need(rate: int, costs: Costs, load: float, keys: int, counting: float) -> Need:
    """On paper, at full batches; `counting` is the part of calls that a shared rule counts."""
    workers = max(1, math.ceil(rate * costs.call_us / 1e6 / load))
    return Need(
        rate=rate,
        workers=workers,
        exporter_cores=rate * costs.export_us / 1e6,
        memory_gib=workers * (costs.base_mib + keys * costs.key_bytes / 2**20) / 1024,
        trail_mib_s=rate * costs.record_bytes / 2**20,
        trail_tib_day=rate * costs.record_bytes * 86_400 / 2**40,
        export_mib_s=rate * costs.span_bytes / 2**20,
        redis_per_second=rate * counting * costs.redis_ops,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a simulation met."""

    p50_ms: float
    p99_ms: float
    worst_ms: float
    busy: float
    """Part of the time that the workers worked."""
    batch: float
    """Calls a read, in the mean."""


def simulate(
    rate: float, workers: int, costs: Costs, *, seconds: float = 1.0, dies_at: float | None = None
) -> Run:
    """Calls come at random, to a random worker; at `dies_at` one is gone, and its calls go elsewhere."""
    draw = random.Random(11)  # noqa: S311 - a simulation
    waiting: list[deque[float]] = [deque() for _ in range(workers)]
    free_at = [0.0] * workers
    living = list(range(workers))
    turns: list[tuple[float, int]] = []
    latencies: list[float] = []
    busy = 0.0
    reads = 0
    now = draw.expovariate(rate)

    def turn(worker: int, at: float) -> None:
        """The worker reads: all that waits, as far as its connections let it."""
        nonlocal busy, reads
        queue = waiting[worker]
        size = min(len(queue), MOST_STREAMS)
        cost = (costs.read_us + size * costs.call_us) / 1e6
        free_at[worker] = at + cost
        busy += cost
        reads += 1
        latencies.extend((at + cost - queue.popleft()) * 1e3 for _ in range(size))
        if queue:
            heapq.heappush(turns, (free_at[worker], worker))

    while now < seconds:
        while turns and turns[0][0] <= now:
            at, worker = heapq.heappop(turns)
            if waiting[worker]:
                turn(worker, at)
        if dies_at is not None and now >= dies_at and len(living) == workers > 1:
            orphans = waiting[living.pop()]
            while orphans:
                waiting[draw.choice(living)].append(orphans.popleft())
        worker = draw.choice(living)
        waiting[worker].append(now)
        if len(waiting[worker]) == 1:
            heapq.heappush(turns, (max(now, free_at[worker]), worker))
        now += draw.expovariate(rate)
    latencies.sort()
    count = len(latencies)
    return Run(
        p50_ms=latencies[count // 2],
        p99_ms=latencies[int(count * 0.99)],
        worst_ms=latencies[-1],
        busy=busy / seconds / workers,
        batch=count / reads,
    )


def main() -> None:
    """Print the tables; `--json FILE` writes them as well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--read-us", type=float, default=Costs().read_us)
    parser.add_argument("--call-us", type=float, default=Costs().call_us)
    parser.add_argument("--load", type=float, default=0.7, help="of a worker's core, on paper")
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--counting", type=float, default=1.0, help="part of calls with a shared rule")
    options = parser.parse_args()
    costs = Costs(read_us=options.read_us, call_us=options.call_us)
    needs = [need(rate, costs, options.load, options.keys, options.counting) for rate in RATES]
    print(f"{'a second':>10}{'workers':>9}{'exporter':>10}{'GiB':>7}{'trail':>12}{'a day':>12}", end="")
    print(f"{'export':>12}{'Redis/s':>11}")
    for one in needs:
        print(
            f"{one.rate:>10,}{one.workers:>9}{one.exporter_cores:>10.1f}{one.memory_gib:>7.1f}"
            f"{one.trail_mib_s:>6.1f} MiB/s{one.trail_tib_day:>8.2f} TiB{one.export_mib_s:>6.1f} MiB/s"
            f"{one.redis_per_second:>11,.0f}"
        )
    print(f"\n{'8 workers, load':>16}{'busy':>7}{'batch':>7}{'p50 ms':>9}{'p99 ms':>9}{'worst ms':>10}")
    runs = []
    for load in (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95):
        met = simulate(load * 8 / costs.call_us * 1e6, 8, costs)
        runs.append({"load": load, "p50_ms": met.p50_ms, "p99_ms": met.p99_ms, "batch": met.batch})
        print(f"{load:>16.2f}{met.busy:>7.2f}{met.batch:>7.1f}{met.p50_ms:>9.2f}{met.p99_ms:>9.2f}", end="")
        print(f"{met.worst_ms:>10.2f}")
    met = simulate(0.7 * 8 / costs.call_us * 1e6, 8, costs, dies_at=0.5)
    print(
        f"{'0.70, one dies':>16}{met.busy:>7.2f}{met.batch:>7.1f}{met.p50_ms:>9.2f}{met.p99_ms:>9.2f}", end=""
    )
    print(f"{met.worst_ms:>10.2f}")
    if options.json:
        found = {"needs": [asdict(one) for one in needs], "runs": runs}
        options.json.write_text(json.dumps({"capacity": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
