"""The pure decision: time of a call, how it grows with personas, grants and tools, and what compiling costs.

Times are the best of interleaved rounds (what else runs only adds) beside their medians. One orjson dump of a
15-field record in the same run is the yardstick: the goal is at most 10 of these for the canonical persona,
and 20 with one CEL condition. What must not grow is measured at its small and large end in turns; the goal is
a ratio of at most 1.2.
"""

import argparse
import gc
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import orjson

from authz.compiler import Compiled, SourceFile, compile_set
from authz.compiler.calllog import recorded
from authz.compiler.written.cases import CallLine
from authz.core.call import Call
from authz.core.decide import decide
from authz.core.definitions import Definitions
from authz.core.history import History
from authz.core.persona import Persona
from authz.core.user import User
from authz.label import labels_of

ROUNDS = 40
BATCH = 2_000
GOALS = {"decide": 10.0, "decide, one CEL condition": 20.0}
HEADER = "apiVersion: personas/v1\n"
RECORD = {
    "id": "01JQ2Z8W7K4T9V3X5Y6B1C0D2E",
    "at": "2026-03-02T10:00:00.123456Z",
    "agent": {
        "id": "support-summarizer",
        "model": "claude-sonnet-5",
        "version": "1.4.2",
        "deployment": "prod-eu",
        "proof": "key",
    },
    "user": "alice@example.com",
    "persona": {"name": "support-summarizer", "version": "3", "digest": "sha256:" + "0" * 64},
    "key": "k_7Q2M9X4T",
    "session": None,
    "action": {
        "protocol": "mcp",
        "app": "tickets",
        "tool": "search_tickets",
        "access": "read",
        "target": "refund for parcel 4711",
        "args_digest": "hmac-sha256:" + "0" * 64,
    },
    "data": ["internal", "pii.contact"],
    "decision": "allow",
    "effect": "allowed",
    "layers": {"user": "pass", "agent": "pass", "tool": "pass", "data": "pass", "behaviour": "pass"},
    "reasons": [],
    "counted": {"pace": 1, "breadth": 1},
    "latency_us": 42,
}
"""The first fields of the forensic record: 15, those inside them not counted."""
PERSONA = """\
kind: Persona
metadata: {{name: {name}, version: "3"}}
users: {{groups: [support-agents]}}
agents:
  - id: support-summarizer
    models: ["claude-*"]
    versions: ">=1.4,<2"
    deployments: [prod-eu]
    workload: spiffe://example.org/ns/agents/sa/support-summarizer
tools:
  - app: tickets
    access: [read]
  - app: tickets
    tools: [draft_reply]
    when: 'args.body.size() < 4000'
{more}data:
  allow: [public, internal, pii.contact]
behaviour:
  hours: {{timezone: Europe/Berlin, days: [mon, tue, wed, thu, fri], from: "07:00", to: "20:00"}}
  limits:
    - {{name: pace, calls: 60, per: 1m}}
    - {{name: drafts, calls: 20, per: 1h, access: [write]}}
    - {{name: breadth, distinct: target, max: 200, per: 1d}}
    - {{name: spend, sum: args.amount, max: 500, per: 1d}}
  session: {{idle: 30m, max: 8h, calls: 500}}
  repeats: {{max: 3, per: 10m}}
  probes: {{outcomes: [not_found], max: 5, per: 1h, remember: 7d}}
  sequences:
    - {{name: no-egress, after: {{data: [untrusted]}}, within: 1h, deny: {{access: [send, write]}}}}
"""
TOOL = "  - {{name: {name}, access: {access}, data: [internal], target: query}}\n"
Ask = Callable[[], object]


def sources(personas: int = 1, grants: int = 0, tools: int = 100, apps: int = 1) -> list[SourceFile]:
    """A set of so many personas, further grants in each, and tools."""
    more = "".join(f"  - {{app: tickets, tools: [tool_{at}]}}\n" for at in range(grants))
    texts = [PERSONA.format(name="support-summarizer", more=more)]
    texts += [PERSONA.format(name=f"persona-{at}", more="") for at in range(1, personas)]
    share = tools // apps
    for app in range(apps):
        rows = "".join(TOOL.format(name=f"tool_{at}", access="write") for at in range(share))
        rows += TOOL.format(name="search_tickets", access="read")
        rows += TOOL.format(name="draft_reply", access="write")
        name = f"app-{app}" if app else "tickets"
        texts.append(f"kind: App\nmetadata: {{name: {name}}}\nprotocol: mcp\ntools:\n{rows}")
    texts.append(
        "kind: Directory\nusers: [{id: alice@example.com, groups: [support-agents]}]\n"
        "groups: [{name: support-agents, entitlements: [{app: tickets, access: [read, write]}]}]\n"
    )
    return [SourceFile(f"{at}.yaml", f"{HEADER}{text}".encode()) for at, text in enumerate(texts)]


def parts(*chunks: list[SourceFile]) -> Compiled:
    """Compile without a pause for garbage."""
    gc.disable()
    made = compile_set([one for chunk in chunks for one in chunk])
    gc.enable()
    return made


def asking(made: Compiled, tool: str, args: dict[str, str]) -> Ask:
    """A decision to be timed: persona and user are looked up, as on the way of a call."""
    definitions: Definitions = made.definitions
    persona = definitions.personas["support-summarizer"]
    line = CallLine.model_validate({"app": "tickets", "tool": tool, "args": args})
    found = recorded(line, persona, made)
    call: Call = replace(found.call, classes=labels_of(found.call.action)[0])
    history = History(figures=(0.0,) * len(persona.rules))
    personas: Mapping[str, Persona] = definitions.personas
    users: Mapping[str, User] = definitions.users

    def ask() -> object:
        caller = call.caller
        return decide(call, personas[caller.persona], users.get(caller.user), history)

    decision = ask()
    if type(decision).__name__ != "Allow":
        raise SystemExit(f"the benchmark's call is denied: {decision}")
    return ask


def timed(asks: Mapping[str, Ask]) -> dict[str, tuple[float, float]]:
    """Microseconds of each: the best and the median of rounds in turn."""
    times: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(ROUNDS):
        for name, ask in asks.items():
            began = time.perf_counter()
            for _ in range(BATCH):
                ask()
            times[name].append((time.perf_counter() - began) / BATCH * 1e6)
    return {name: (min(found), statistics.median(found)) for name, found in times.items()}


def stages() -> dict[str, tuple[float, float]]:
    """One call, and the yardstick."""
    made = parts(sources())
    return timed(
        {
            "orjson, 15 fields": lambda: orjson.dumps(RECORD),
            "decide": asking(made, "search_tickets", {"query": "refund"}),
            "decide, one CEL condition": asking(made, "draft_reply", {"query": "T-1", "body": "x" * 200}),
        }
    )


def scale() -> dict[str, tuple[float, float]]:
    """Microseconds at the small and at the large end."""
    ends = {
        "personas 10, 10,000": (sources(personas=10), sources(personas=10_000)),
        "grants 10, 1,000": (sources(grants=10, tools=1000), sources(grants=1_000, tools=1000)),
        "tools 100, 100,000": (sources(tools=100), sources(tools=100_000, apps=4)),
    }
    found = {}
    for name, (small, large) in ends.items():
        args = {"query": "refund"}
        asks = {
            "small": asking(parts(small), "search_tickets", args),
            "large": asking(parts(large), "search_tickets", args),
        }
        times = timed(asks)
        found[name] = (times["small"][0], times["large"][0])
    return found


def compiling() -> dict[str, float]:
    """Seconds and mebibytes for 1,000 personas with 10,000 tools, in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--compile-only"], capture_output=True, text=True, check=True
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def _compile_only() -> None:
    files = sources(personas=1_000, tools=10_000, apps=50)
    gc.disable()
    began = time.perf_counter()
    compile_set(files)
    seconds = time.perf_counter() - began
    # Not `ru_maxrss`: that of a new process begins with what its parent had.
    status = Path("/proc/self/status").read_text()
    peak = int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024
    print(json.dumps({"compile, s": seconds, "compile, MiB": peak}))


def main(arguments: Sequence[str]) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures to this file as well")
    parser.add_argument("--compile-only", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.compile_only:
        _compile_only()
        return
    one = stages()
    yard = one["orjson, 15 fields"][0]
    print(f"{'stage':<28}{'us':>8}{'median':>8}{'÷ orjson':>10}{'goal':>8}")
    for name, (best, median) in one.items():
        goal = f"{GOALS[name]:.0f}" if name in GOALS else ""
        print(f"{name:<28}{best:>8.2f}{median:>8.2f}{best / yard:>10.1f}{goal:>8}")
    ends = scale()
    print(f"\n{'decide at':<28}{'small':>8}{'large':>8}{'ratio':>8}{'goal':>8}")
    for name, (small, large) in ends.items():
        print(f"{name:<28}{small:>8.2f}{large:>8.2f}{large / small:>8.2f}{'1.2':>8}")
    made = compiling()
    print(f"\n1,000 personas, 10,000 tools: {made['compile, s']:.2f} s (goal 5), ", end="")
    print(f"{made['compile, MiB']:.0f} MiB at most (goal 300)")
    if options.json:
        figures = {"stages": one, "scale": ends, **made}
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
