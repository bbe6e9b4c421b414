"""What a decision costs as an installation grows: personas, tools, keys, agents, small and large.

The whole way of a call, in this process's CPU time: bytes of a check in, record on the trail, bytes of an
answer out, in batches of 32 over 1,000 busy keys. Every size is measured in a process of its own; the small
end is measured again with each, in turn, so that a ratio belongs to one stretch of time. Memory is that of
the process.
"""

import argparse
import gc
import json
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from authz.compiler import SourceFile, compile_set
from authz.core.definitions import Definitions
from authz.identity import new_id, new_key
from authz.identity.key import fingerprint
from authz.stores.keys_sqlite import open_keys
from scripts.benchmarks.ground.inside import Batch, confirm, inside
from scripts.benchmarks.wire import message

BATCH = 32
BUSY = 1_024
ROUNDS = 60


@dataclass(frozen=True, slots=True)
class Size:
    """How large an installation is."""

    personas: int = 10
    tools: int = 100
    keys: int = 1_000
    agents: int = 10


SMALL = Size()
LARGE = Size(personas=10_000, tools=100_000, keys=1_000_000, agents=100_000)
ENDS: Mapping[str, Size] = {
    "personas": replace(SMALL, personas=LARGE.personas, agents=LARGE.personas),
    "tools": replace(SMALL, tools=LARGE.tools),
    "keys": replace(SMALL, keys=LARGE.keys),
    "agents": replace(SMALL, personas=LARGE.agents // 10, agents=LARGE.agents, keys=LARGE.agents),
    "all": LARGE,
}
PERSONA = """\
apiVersion: personas/v1
kind: Persona
metadata: {{name: persona-{at}, version: "1"}}
users: {{groups: [everyone]}}
agents: [{agents}]
tools: [{{app: tickets, access: [read]}}]
data: {{allow: [internal]}}
behaviour:
  limits:
    - {{name: pace, calls: 100000000, per: 1m}}
    - {{name: breadth, distinct: target, max: 100000, per: 1d}}
"""
DIRECTORY = """\
apiVersion: personas/v1
kind: Directory
users: [{id: alice@example.com, groups: [everyone]}]
groups: [{name: everyone, entitlements: [{app: tickets, access: [read, write]}]}]
"""
PER_APP = 1_000
"""Tools of one app."""


def definitions(size: Size) -> Definitions:
    """A set of this size: agents are spread over personas, tools over apps."""
    each = max(1, size.agents // size.personas)
    texts = [DIRECTORY]
    for at in range(size.personas):
        agents = ", ".join(f"{{id: agent-{at}-{number}}}" for number in range(each))
        texts.append(PERSONA.format(at=at, agents=agents))
    row = "  - {{name: {name}, access: {access}, data: [internal], target: ticket}}\n"
    for app in range(max(1, size.tools // PER_APP)):
        rows = "".join(
            row.format(name=f"tool_{at}", access="write") for at in range(min(size.tools, PER_APP) - 1)
        )
        rows += row.format(name="get_ticket", access="read")
        name = f"app-{app}" if app else "tickets"
        texts.append(
            f"apiVersion: personas/v1\nkind: App\nmetadata: {{name: {name}}}\nprotocol: mcp\ntools:\n{rows}"
        )
    return compile_set([SourceFile(f"{at}.yaml", text.encode()) for at, text in enumerate(texts)]).definitions


def fill(state: Path, size: Size) -> list[str]:
    """Make a store of so many keys; those that will be busy."""
    open_keys(state).close()
    pepper = (state / "keys.pepper").read_bytes()
    issued = datetime.now(UTC)
    times = [int(at.timestamp() * 1000) for at in (issued + timedelta(days=1), issued)]
    draw = random.Random(5)  # noqa: S311 - keys of a benchmark
    busy: list[str] = []
    each = max(1, size.agents // size.personas)
    step = max(1, size.keys // BUSY)

    def rows() -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        for number in range(1, size.keys + 1):
            key_id = new_id(draw.randbytes(16))
            text = new_key("prod", key_id, draw.randbytes(32))
            if number % step == 0:
                busy.append(text)
            at = draw.randrange(size.personas)
            who = (f"agent-{at}-{draw.randrange(each)}", "model-x", "1.4", "prod-eu", "alice@example.com")
            secret = (fingerprint(pepper, text), None, None, times[0], 0, None)
            found.append(
                (key_id, "prod", *who, f"persona-{at}", *secret, "[]", None, "root", times[1], number)
            )
        return found

    connection = sqlite3.connect(state / "keys.sqlite")
    connection.executemany(f"INSERT INTO keys VALUES ({', '.join('?' * 19)})", rows())  # noqa: S608 - marks only
    connection.commit()
    connection.close()
    return busy[:BUSY]


def measure(size: Size) -> dict[str, float]:
    """Microseconds of CPU a decision (best and median of rounds), and mebibytes."""
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        gc.disable()
        made = definitions(size)
        keys = fill(state, size)
        parts = inside(state, made)
        authorizer = parts.authorizer
        gc.enable()
        gc.collect()
        gc.freeze()
        messages = [message(key) for key in keys]
        batches: list[Batch] = [
            [({}, one) for one in messages[at : at + BATCH]] for at in range(0, len(messages), BATCH)
        ]
        for batch in batches:
            confirm(authorizer, batch)
        times = []
        for _ in range(ROUNDS):
            began = time.process_time()
            for batch in batches:
                authorizer(batch)
            times.append((time.process_time() - began) / len(messages) * 1e6)
        # What building took is given back in part only: a worker that loads the same looks the same.
        memory = int(re.findall(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text())[0]) / 1024
        parts.close()
    times.sort()
    return {"us": times[0], "median_us": times[len(times) // 2], "mib": memory}


def apart(size: Size) -> dict[str, float]:
    """Measure in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", json.dumps(asdict(size))],
        check=True,
        stdout=subprocess.PIPE,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print a table; `--json FILE` writes it as well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", choices=[*ENDS], help="one of the rows")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure(Size(**json.loads(options.measure)))))
        return
    rows = []
    print(
        f"{'large end of':14}{'small us':>10}{'large us':>10}{'ratio':>7}{'small MiB':>11}{'large MiB':>11}"
    )
    for name, size in ENDS.items():
        if options.only not in {None, name}:
            continue
        ends = [apart(SMALL), apart(size), apart(SMALL)]
        small = min((ends[0], ends[2]), key=lambda one: one["us"])
        large = ends[1]
        rows.append({"end": name, "size": asdict(size), "small": small, "large": large})
        ratio = large["us"] / small["us"]
        print(
            f"{name:14}{small['us']:>10.1f}{large['us']:>10.1f}{ratio:>7.2f}{small['mib']:>11.0f}"
            f"{large['mib']:>11.0f}",
            flush=True,
        )
    if options.json:
        options.json.write_text(json.dumps({"scale": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
