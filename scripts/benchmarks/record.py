"""What recording costs the worker, and shipping the exporter: CPU of the process, decisions a second.

Recording is fact → record → chain → one write a batch. Shipping is trail → spans → an OTLP/gRPC receiver that
is a process of its own.
"""

import gc
import json
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from authz.audit import Digester, Fact, Scribe
from authz.core.app import Access, Place, Tool
from authz.core.call import Action, Agent, Call, Caller
from authz.core.decision import Allow, Decision, Deny, Objection
from authz.core.persona import Grant, Persona
from authz.core.reason import Reason
from authz.core.request import Request, Source, Trace
from authz.export import Shipper
from authz.export.otlp import OtlpGrpc
from authz.stores.trail import Sync, Trail, verify

RECEIVER = """
import sys
from tests.export.receivers import otlp_receiver
with otlp_receiver() as receiver:
    print(receiver.endpoint, flush=True)
    sys.stdin.read()
"""

DECISIONS = 40_000
BATCHES = (1, 8, 64)


def facts(decision: Decision, count: int) -> list[Fact]:
    """One call, decided `count` times."""
    at = datetime.now(UTC)
    caller = Caller(
        agent=Agent(id="support-summarizer", model="claude-4", version="1.4.2", deployment="prod-eu"),
        user="alice@example.com",
        persona="support-summarizer",
        key="K1a2b3c4",
    )
    tool = Tool(app="billing", name="get_balance", access=Access.READ, target="account")
    args: dict[str, object] = {"account": "ACC-12345", "currency": "EUR", "page": 1}
    action = Action(
        protocol="mcp",
        app="billing",
        name="get_balance",
        method="tools/call",
        tool=tool,
        args=args,  # type: ignore[arg-type]  # JSON values all
        target="ACC-12345",
    )
    call = Call(at=at, caller=caller, action=action, classes=frozenset({"financial"}))
    persona = Persona(name="support-summarizer", version="3", digest="sha256:" + "a" * 64)
    request = Request(
        id="6e2f4a4e-0f0c-4f6c-9b46-6d0f6d0f1c11",
        method="POST",
        host="billing.internal",
        trace=Trace(trace_id="0af7651916cd43dd8448eb211c80319c", parent="b7ad6b7169203331"),
        source=Source(address="10.1.2.3", principal="spiffe://example.org/agents/support"),
    )
    return [
        Fact(
            id=f"019a{number:08x}-0000-7000-8000-000000000000",
            at=at,
            request=request,
            decision=decision,
            latency_us=40,
            caller=caller,
            call=call,
            persona=persona,
        )
        for number in range(count)
    ]


def measure(decision: Decision, batch: int, sync: Sync) -> dict[str, float]:
    """CPU a decision and decisions a second, for batches of this size."""
    scribe = Scribe(Digester(b"k" * 32))
    given = facts(decision, DECISIONS)
    gc.freeze()  # a worker does not hold its past decisions
    best: dict[str, float] = {}
    for _ in range(3):
        with tempfile.TemporaryDirectory() as folder, Trail.open(Path(folder), sync=sync) as trail:
            trail.append([scribe.write(given[0])])
            cpu, wall = time.process_time(), time.perf_counter()
            for start in range(0, len(given), batch):
                trail.append([scribe.write(one) for one in given[start : start + batch]])
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        found = {"cpu_us": cpu / DECISIONS * 1e6, "per_second": DECISIONS / wall}
        best = min(best, found, key=lambda one: one["cpu_us"]) if best else found
    return best


def ship(decision: Decision) -> dict[str, float]:
    """CPU of the exporter a decision, and how fast the trail is proven."""
    scribe = Scribe(Digester(b"k" * 32))
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        with Trail.open(state) as trail:
            for start in range(0, DECISIONS, 1000):
                trail.append([scribe.write(one) for one in facts(decision, DECISIONS)[start : start + 1000]])
        receiver = subprocess.Popen(
            [sys.executable, "-c", RECEIVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
        )
        assert receiver.stdout is not None  # noqa: S101 - it is a pipe
        shipper = Shipper(state, OtlpGrpc(receiver.stdout.readline().strip()))
        (state / "export").mkdir()
        cpu, wall = time.process_time(), time.perf_counter()
        while shipper.step():
            pass
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        receiver.communicate()
        begun = time.perf_counter()
        verify(state)
        proven = time.perf_counter() - begun
    return {
        "cpu_us": cpu / DECISIONS * 1e6,
        "per_second": DECISIONS / wall,
        "verified_per_second": DECISIONS / proven,
    }


def main() -> None:
    """Print a table; `--json FILE` writes it as well."""
    grant = Grant(id="tools[0]", app="billing", place=Place("support.yaml", 20, 5))
    refused = Objection(
        Reason.TOOL_NOT_GRANTED, "`get_balance` of `billing` is not granted", Place("s.yaml", 3)
    )
    cases: dict[str, Decision] = {"allow": Allow(grant), "deny": Deny((refused,), judged=True)}
    rows = []
    print(f"{'decision':10}{'batch':>6}{'fsync':>8}{'CPU us':>10}{'a second':>12}")
    for name, decision in cases.items():
        for batch in BATCHES:
            for sync in (Sync.SOON, Sync.OS):
                found = measure(decision, batch, sync)
                rows.append({"decision": name, "batch": batch, "sync": sync.value, **found})
                print(
                    f"{name:10}{batch:>6}{sync.value:>8}{found['cpu_us']:>10.2f}{found['per_second']:>12,.0f}"
                )
    shipped = ship(cases["deny"])
    print(f"\nexporter: {shipped['cpu_us']:.1f} us of CPU a decision, {shipped['per_second']:,.0f} a second")
    print(f"verify: {shipped['verified_per_second']:,.0f} records a second")
    if "--json" in sys.argv:
        figures: dict[str, object] = {"record": rows, "export": shipped}
        Path(sys.argv[sys.argv.index("--json") + 1]).write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
