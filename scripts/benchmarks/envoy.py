"""What an authorizer behind Envoy costs: throughput at saturation, and latency at fixed rates.

One Envoy worker in front of an app (a second Envoy, which answers at once), alone and with each authorizer;
all share the cores of this machine. With `--direct` there is no app, Envoy answers by itself. Saturation is
a closed loop (wrk, 16 connections); latencies are from an open loop, so that a stall is not hidden; `one`
is a closed loop over one connection. Rounds are interleaved; a figure is the median of them. Needs `wrk`.
"""

import argparse
import json
import statistics
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from scripts.benchmarks.ground.openloop import load, percentile, request
from scripts.benchmarks.ground.proxy import PATH, envoy
from scripts.benchmarks.ground.stand import BODY, allower, asked, personas, wrk
from scripts.demo_story.stack import free_ports

RATES = (200, 1000, 3000)
PARTS = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
NONE = "no authorizer"
Figures = dict[str, dict[str, list[float]]]


def main() -> None:
    """Print the tables; `--json FILE` writes them as well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5, help="of each load")
    parser.add_argument("--direct", action="store_true", help="no app behind Envoy")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours, key, _ = personas(stack, folder)
        authorizers = {
            NONE: None,
            "always-allow http2": allower(stack, "http2").port,
            "always-allow grpcio": allower(stack, "grpc").port,
            "personas": ours.port,
        }
        *free, app = free_ports(len(authorizers) + 1)
        ports = dict(zip(authorizers, free, strict=True))
        if not options.direct:
            stack.enter_context(envoy(folder, app, None, None))
        for name, authorizer in authorizers.items():
            stack.enter_context(envoy(folder, ports[name], authorizer, None if options.direct else app))
        figures: Figures = {name: {} for name in authorizers}
        for _ in range(options.rounds):
            for name, port in ports.items():
                measure(figures[name], folder, port, key, options.seconds)
    found = {
        name: {what: statistics.median(values) for what, values in each.items()}
        for name, each in figures.items()
    }
    show(found, figures)
    if options.json:
        options.json.write_text(json.dumps({"envoy": {"medians": found, "rounds": figures}}, indent=2) + "\n")


def measure(into: dict[str, list[float]], folder: Path, port: int, key: str, seconds: float) -> None:
    """One round against one Envoy."""
    sent = asked(key)

    def note(what: str, value: float) -> None:
        into.setdefault(what, []).append(value)

    note("saturation", wrk(folder, port, sent, 16, seconds)["per_second"])
    note("one p50", wrk(folder, port, sent, 1, seconds)["p50_ms"])
    for rate in RATES:
        met = load(port, request(port, PATH, dict(sent), BODY), rate, seconds)
        if met.failed:
            raise SystemExit(f"{met.failed} requests failed at {rate}/s")
        for what, part in PARTS.items():
            note(f"{rate}/s {what}", percentile(met.latencies, part))


def show(found: Mapping[str, Mapping[str, float]], figures: Figures) -> None:
    """Throughput, then what is added to the latency of Envoy alone."""
    bare = found[NONE]
    print(f"{'behind Envoy':22}{'a second':>10}{'spread':>9}{'÷ none':>8}{'one: p50 ms':>13}{'added':>8}")
    for name, each in found.items():
        spread = max(figures[name]["saturation"]) - min(figures[name]["saturation"])
        part = each["saturation"] / bare["saturation"]
        print(
            f"{name:22}{each['saturation']:>10,.0f}{spread:>9,.0f}{part:>8.2f}"
            f"{each['one p50']:>13.3f}{each['one p50'] - bare['one p50']:>8.3f}"
        )
    for rate in RATES:
        print(f"\nopen loop, {rate:,}/s" + "".join(f"{what + ' ms':>12}{'added':>9}" for what in PARTS))
        for name, each in found.items():
            cells = ((each[f"{rate}/s {what}"], bare[f"{rate}/s {what}"]) for what in PARTS)
            print(f"{name:22}" + "".join(f"{value:>12.2f}{value - base:>9.2f}" for value, base in cells))


if __name__ == "__main__":
    main()
