"""What layer 4 costs in memory: one call under ten rules, and bytes for each agent that is active."""

import argparse
import gc
import json
import resource
import sys
import time
from datetime import UTC, datetime, timedelta

import orjson

from authz.core.app import Access, Tool
from authz.core.call import Action, Agent, Call, Caller
from authz.core.persona import Persona
from authz.core.reason import Reason
from authz.core.rule import (
    Calls,
    Distinct,
    Drift,
    Probes,
    Repeats,
    Rule,
    Selector,
    Sequence,
    SessionCalls,
    SessionLength,
    Sum,
)
from authz.stores.histories_memory import MemoryHistories

PIECE = 1000
RECORD = {
    "id": "01J9Z3K4M5N6P7Q8",
    "at": "2026-11-23T10:00:00.000000Z",
    "agent": {"id": "support-summarizer", "model": "claude-x", "version": "1.4.2", "deployment": "prod-eu"},
    "user": "alice@example.com",
    "persona": {"name": "support-summarizer", "version": "3", "digest": "sha256:" + "0" * 64},
    "key": "k4M5N6P7",
    "session": None,
    "action": {"protocol": "mcp", "app": "tickets", "tool": "search_tickets", "access": "read"},
    "data": ["internal"],
    "decision": "allow",
    "effect": "allowed",
    "layers": dict.fromkeys(("user", "agent", "tool", "data", "behaviour"), "pass"),
    "reasons": [],
    "trace": {"trace_id": "0" * 32, "span_id": "0" * 16, "parent": "0" * 16},
    "latency_us": 41,
}
"""What tells how fast the machine is: the targets are for one that dumps such a record in 1 us."""
START = datetime(2026, 11, 23, 10, tzinfo=UTC)
TOOL = Tool(app="tickets", name="search", access=Access.READ, classes=frozenset({"internal"}), target="query")


def ten_rules() -> tuple[Rule, ...]:
    """The canonical `behaviour:` block and what else makes ten."""
    hour, day = timedelta(hours=1), timedelta(days=1)
    limit, idle = Reason.BEHAVIOUR_LIMIT, timedelta(minutes=30)
    untrusted = Sequence(
        after=Selector(data=("untrusted",)), then=Selector(access=frozenset({Access.SEND})), within=hour
    )
    return (
        Rule(name="pace", reason=limit, watch=Calls(per=timedelta(minutes=1)), maximum=6000),
        Rule(
            name="drafts",
            reason=limit,
            watch=Calls(per=hour),
            maximum=20,
            selector=Selector(access=frozenset({Access.WRITE})),
        ),
        Rule(name="reads", reason=limit, watch=Calls(per=hour), maximum=100_000),
        Rule(name="breadth", reason=limit, watch=Distinct(argument="target", per=day), maximum=200),
        Rule(name="spend", reason=limit, watch=Sum(argument="args.amount", per=day), maximum=1e12),
        Rule(name="session-calls", reason=limit, watch=SessionCalls(idle=idle), maximum=1e9),
        Rule(name="session", reason=limit, watch=SessionLength(idle=idle), maximum=1e9),
        Rule(
            name="repeats",
            reason=Reason.BEHAVIOUR_REPEAT,
            watch=Repeats(per=timedelta(minutes=10)),
            maximum=3,
            on_drift=Drift.FLAG,
        ),
        Rule(
            name="probes",
            reason=Reason.BEHAVIOUR_PROBE,
            watch=Probes(outcomes=frozenset({"not_found"}), per=hour, remember=timedelta(days=7)),
            maximum=5,
        ),
        Rule(name="egress", reason=Reason.BEHAVIOUR_SEQUENCE, watch=untrusted, maximum=0),
    )


def call(agent: str, at: datetime, number: int) -> Call:
    """One ordinary call."""
    target = f"billing {number % 50}"
    return Call(
        at=at,
        caller=Caller(agent=Agent(id=agent), user="alice@example.com", persona="support"),
        action=Action(
            protocol="mcp",
            app="tickets",
            name="search",
            tool=TOOL,
            args={"query": target, "limit": 10, "amount": 1.5},
            target=target,
        ),
        classes=TOOL.classes,
    )


def dumping() -> float:
    """Microseconds of one dump."""
    began = time.process_time()
    for _ in range(PIECE):
        orjson.dumps(RECORD)
    return (time.process_time() - began) / PIECE * 1e6


def observing(histories: MemoryHistories, persona: Persona, piece: list[Call]) -> float:
    """Microseconds of one call."""
    began = time.process_time()
    for one in piece:
        histories.observe(one, persona, passes=True)
    return (time.process_time() - began) / len(piece) * 1e6


def measure(agents: int, calls: int) -> dict[str, float]:
    """Microseconds a call, and bytes an agent."""
    persona = Persona(name="support", version="1", digest="sha256:0", rules=ten_rules())
    bare = Persona(name="bare", version="1", digest="sha256:1")
    histories = MemoryHistories(b"k" * 32)
    many = [call("one", START + timedelta(milliseconds=20 * n), n) for n in range(calls)]
    found = {"us_per_dump_of_15_fields": min(dumping() for _ in range(10))}
    for name, one in (("us_per_call_ten_rules", persona), ("us_per_call_no_rules", bare)):
        pieces = [many[at : at + PIECE] for at in range(0, calls, PIECE)]
        found[name] = min(observing(histories, one, piece) for piece in pieces)
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(agents):
        histories.observe(call(f"agent-{number}", START + timedelta(hours=1), number), persona, passes=True)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found["bytes_per_agent"] = (after - before) * 1024 / agents
    found["mebibytes"] = after / 1024
    return found


def main() -> None:
    """Print the figures; `--json FILE` writes them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=100_000)
    parser.add_argument("--calls", type=int, default=50_000)
    parser.add_argument("--json")
    asked = parser.parse_args()
    found = measure(asked.agents, asked.calls)
    for name, value in found.items():
        sys.stdout.write(f"{name:24} {value:12.2f}\n")
    if asked.json:
        with open(asked.json, "w", encoding="utf-8") as file:  # noqa: PTH123 - a path as typed
            json.dump(found, file)


if __name__ == "__main__":
    main()
