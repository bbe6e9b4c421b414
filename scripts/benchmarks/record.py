"""What recording costs the worker: fact → record → trail, in CPU of the process and in decisions a second."""

import gc
import json
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
from authz.stores.trail import Sync, Trail

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
    if "--json" in sys.argv:
        Path(sys.argv[sys.argv.index("--json") + 1]).write_text(json.dumps({"record": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
