"""Ten minutes at 70 % of what the service can do behind Envoy: memory flat, no stall, no record lost.

Saturation is found first (a closed loop, 16 connections); then an open loop keeps 70 % of it. The worker's
memory is read each second; records on the trail are counted afterwards against the requests that were
answered. Fails on a lost record, a failed request, or memory that goes on growing; a stall over 50 ms is
counted and shown, since other work on the machine stalls it as well. Needs `wrk`.
"""

import argparse
import json
import re
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from authz.stores.trail import read_records
from scripts.benchmarks.ground.openloop import Load, load, percentile, request
from scripts.benchmarks.ground.proxy import PATH, envoy
from scripts.benchmarks.ground.stand import BODY, asked, personas, wrk
from scripts.demo_story.stack import free_ports

PART = 0.7
STALL_MS = 50.0
GROWTH_MIB = 16.0
"""What memory may grow by in the second half: buffers settle in the first."""


def main() -> int:
    """Print what was met; 1 when it was not good enough. `--json FILE` writes it as well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--rate", type=float, help="instead of 70 %% of saturation")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        served, key, state = personas(stack, folder)
        port, app = free_ports(2)
        stack.enter_context(envoy(folder, app, None, None))
        stack.enter_context(envoy(folder, port, served.port, app))
        sent = request(port, PATH, dict(asked(key)), BODY)
        saturation = wrk(folder, port, asked(key), 16, 5)["per_second"]
        rate = options.rate or PART * saturation
        before = allowed(state)
        watch = Watch(served.pid)
        met = load(port, sent, rate, options.seconds)
        memory = watch.stop()
        recorded = allowed(state) - before
    found = judged(met, memory, recorded) | {
        "saturation": saturation,
        "rate": rate,
        "seconds": options.seconds,
    }
    for name, value in found.items():
        print(f"{name:28}{value:>14,.2f}")
    if options.json:
        options.json.write_text(json.dumps({"soak": found, "memory_mib": memory}, indent=2) + "\n")
    bad = found["lost records"] or found["failed"] or found["memory growth, MiB"] > GROWTH_MIB
    return 1 if bad else 0


def judged(met: Load, memory: list[float], recorded: int) -> dict[str, float]:
    """The figures that say whether it was good."""
    half = memory[len(memory) // 2 :]
    return {
        "requests": len(met.latencies),
        "failed": met.failed,
        "lost records": len(met.latencies) - met.failed - recorded,
        "p50, ms": percentile(met.latencies, 0.5),
        "p99, ms": percentile(met.latencies, 0.99),
        "p99.9, ms": percentile(met.latencies, 0.999),
        "worst, ms": max(met.latencies),
        f"over {STALL_MS:.0f} ms": sum(one > STALL_MS for one in met.latencies),
        "memory at first, MiB": memory[0],
        "memory at last, MiB": memory[-1],
        "memory growth, MiB": half[-1] - half[0],
    }


class Watch:
    """Reads the memory of a process each second, until stopped."""

    def __init__(self, pid: int) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._found = [self._resident()]
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> list[float]:
        """The readings, in mebibytes."""
        self._stopped.set()
        self._thread.join()
        return self._found

    def _watch(self) -> None:
        while not self._stopped.wait(1):
            self._found.append(self._resident())
        self._found.append(self._resident())

    def _resident(self) -> float:
        return int(re.findall(r"VmRSS:\s+(\d+) kB", self._status.read_text())[0]) / 1024


def allowed(state: Path) -> int:
    """Decisions on the trail that let a call through."""
    return sum(1 for one in read_records(state) if one.get("decision") == "allow")


if __name__ == "__main__":
    sys.exit(main())
