"""Whether a change made the way of a call dearer: each stage against what is stored in `guard.json`.

Two figures a stage. Instructions: of Python's byte code, counted, so the same on every run of one version
of Python; blind to what happens inside C. CPU: time ÷ that of an always-allow handler, both in this run and
in turn; sees everything, and trembles. Either fails when it grew by more than 15 %; CPU only when it did so
in three measurements in a row. `--store` writes what is measured now, for a change that is worth its price.
"""

import argparse
import gc
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from authz.audit import Fact, Scribe
from authz.core.decide import conclude, judge
from authz.core.history import History
from authz.decode import Decoded
from authz.identity import identify
from authz.server import clock
from authz.server.pb.ext_authz_pb2 import CheckRequest, CheckResponse
from authz.server.wire import read_check
from authz.stores.definitions import load
from scripts.benchmarks.ground.inside import Batch, Inside, confirm, inside
from scripts.benchmarks.wire import definitions, issue, message

STORED = Path(__file__).with_name("guard.json")
MOST = 1.15
"""What a figure may be of the stored one."""
TRIES = 3
BATCH = 32
ROUNDS = 60
BASELINE = "always-allow"
Stage = Callable[[], object]
Counts = dict[str, int]
Ratios = dict[str, float]


@contextmanager
def stages() -> Iterator[dict[str, Stage]]:
    """What is measured, by name; each does the work of one call but `whole`, which does a batch."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        defs, state = definitions(folder / "defs"), folder / "state"
        asked = message(issue(state))
        made = inside(state, load(defs).definitions)
        batch: Batch = [({}, asked)] * BATCH
        confirm(made.authorizer, batch)
        whole = made.authorizer
        yield {BASELINE: lambda: _allow(asked), **_parts(made, asked), "whole": lambda: whole(batch)}
        made.close()


def _allow(asked: bytes) -> bytes:
    """What every authorizer has to do, with nothing of ours: read a check, answer OK."""
    check = CheckRequest.FromString(asked)
    http = check.attributes.request.http
    seen = {one.key: one.raw_value for one in http.header_map.headers}
    response = CheckResponse()
    response.status.code = 0
    response.ok_response.headers.add().header.key = "x-allowed"
    response.dynamic_metadata["seen"] = len(seen)
    return response.SerializeToString()


def _parts(made: Inside, asked: bytes) -> dict[str, Stage]:
    at = clock.now()
    snapshot, ring = made.authorizer.snapshot, made.keys.ring()
    request = read_check(asked, {})
    route = snapshot.decoders.route(request)
    caller = identify(request, at, ring)
    persona = snapshot.persona_of(caller)
    user = snapshot.definitions.users.get(caller.user)
    decoded = snapshot.decoders.decode(request, route)
    if not isinstance(decoded, Decoded):
        raise SystemExit("the benchmark's call cannot be read")
    fact = _judged(made, asked)
    call = fact.call
    if call is None:
        raise SystemExit("the benchmark's call is no call")
    scribe, histories = Scribe(made.digester), made.authorizer.histories
    history = History(figures=(0.0,) * len(persona.rules), took=(None,) * len(persona.rules))
    return {
        "wire": lambda: read_check(asked, {}),
        "identify": lambda: identify(request, at, ring),
        "decode": lambda: snapshot.decoders.decode(request, route),
        "observe": lambda: histories.observe(call, persona, True),  # noqa: FBT003 - as the interface has it
        "decide": lambda: conclude(judge(call, persona, user), call, persona, history),
        "record": lambda: scribe.write(fact),
    }


def _judged(made: Inside, asked: bytes) -> Fact:
    steps = made.authorizer.answer(asked, {}, clock.now())
    try:
        next(steps)
    except StopIteration as done:
        fact: Fact = done.value.fact
        return fact
    raise SystemExit("the benchmark's call waits")


def instructions(stage: Stage) -> int:
    """How many instructions of byte code one run takes."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Callable[..., Any]:  # noqa: ANN401 - Python's own signature
        nonlocal count
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        if event == "opcode":
            count += 1
        return trace

    for _ in range(20):
        stage()
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        stage()
    finally:
        sys.settrace(before)
    return count


def ratios(each: Mapping[str, Stage]) -> Ratios:
    """CPU of each stage ÷ that of the baseline: of rounds in turn, the median of the lower half of ratios."""
    found: dict[str, list[float]] = {name: [] for name in each}
    gc.collect()
    gc.disable()
    try:
        for _ in range(ROUNDS):
            round_ = {name: _timed(stage, 10 if name == "whole" else 300) for name, stage in each.items()}
            for name, value in round_.items():
                found[name].append(value)
    finally:
        gc.enable()
    # The least of many short runs: what else the machine does only ever adds.
    least = {name: statistics.median(sorted(values)[: ROUNDS // 10]) for name, values in found.items()}
    base = least.pop(BASELINE)
    return {name: value / base / (BATCH if name == "whole" else 1) for name, value in least.items()}


def _timed(stage: Stage, times: int) -> float:
    began = time.thread_time()
    for _ in range(times):
        stage()
    return (time.thread_time() - began) / times


def grown(now: Mapping[str, float], stored: Mapping[str, float]) -> dict[str, float]:
    """Stages that cost too much more than they did, and how many times as much."""
    return {
        name: now[name] / before
        for name, before in stored.items()
        if name in now and now[name] / before > MOST
    }


def version() -> str:
    """Instructions are those of one minor version of Python."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def main() -> int:
    """Measure and compare; 1 when something grew."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", action="store_true", help="write what is measured now")
    parser.add_argument("--counts", action="store_true", help="instructions only")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    stored = json.loads(STORED.read_text()) if STORED.exists() else {"instructions": {}, "cpu": {}}
    with stages() as each:
        counts = {name: instructions(stage) for name, stage in each.items()}
        measured = {} if options.counts else ratios(each)
        known, before = stored["instructions"].get(version(), {}), stored["cpu"]
        more, dearer = grown(counts, known), grown(measured, before)
        for _ in range(TRIES - 1):
            if dearer and not options.store:
                measured = ratios(each)
                dearer = {name: by for name, by in grown(measured, before).items() if name in dearer}
    show(counts, measured, known, before)
    if options.json:
        options.json.write_text(json.dumps({"instructions": counts, "cpu": measured}, indent=2) + "\n")
    if options.store:
        stored["instructions"][version()] = counts
        if measured:
            stored["cpu"] = {name: round(value, 3) for name, value in measured.items()}
        STORED.write_text(json.dumps(stored, indent=2, sort_keys=True) + "\n")
        return 0
    for what, those in (("instructions", more), ("CPU", dearer)):
        for name, by in those.items():
            print(f"{name}: {what} grew to {by:.2f} of what is stored (at most {MOST})", file=sys.stderr)
    if not known:
        print(f"no instructions are stored for Python {version()}", file=sys.stderr)
    return 1 if more or dearer else 0


def show(counts: Counts, measured: Ratios, known: Mapping[str, int], before: Mapping[str, float]) -> None:
    """A line for each stage: now, and as a part of what is stored."""
    print(f"{'stage':14}{'instructions':>14}{'÷ stored':>10}{'CPU ÷ allow':>13}{'÷ stored':>10}")
    for name, count in counts.items():
        cpu = f"{measured[name]:.2f}" if name in measured else ""
        of_count = f"{count / known[name]:.2f}" if name in known else ""
        of_cpu = f"{measured[name] / before[name]:.2f}" if name in measured and name in before else ""
        print(f"{name:14}{count:>14,}{of_count:>10}{cpu:>13}{of_cpu:>10}")


if __name__ == "__main__":
    sys.exit(main())
