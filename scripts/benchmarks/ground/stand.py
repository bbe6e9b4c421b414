"""What several benchmarks stand on: servers to compare, and a request that is allowed."""

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmarks.wire import ALLOWER, definitions, issue, server
from scripts.demo_story.stack import free_ports

BODY = (
    b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_ticket",'
    b'"arguments":{"ticket":"T-1001"},"_meta":{"progressToken":7}}}'
)


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs."""

    port: int
    pid: int


def asked(key: str) -> Mapping[str, str]:
    """Headers of an agent's call."""
    return {
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "user-agent": "python-httpx/0.28.1",
        "authorization": f"Bearer {key}",
        "mcp-protocol-version": "2025-11-25",
    }


def allower(stack: ExitStack, transport: str) -> Served:
    """An always-allow server on one of our transports."""
    (port,) = free_ports(1)
    return Served(
        port, stack.enter_context(server([sys.executable, str(ALLOWER), transport, str(port)], port))
    )


def personas(
    stack: ExitStack, folder: Path, transport: str = "http2", defs: Path | None = None
) -> tuple[Served, str, Path]:
    """`personas serve` as shipped, its trail durable: the server, a key, the state folder."""
    chosen = definitions(folder / f"defs-{transport}") if defs is None else defs
    state = folder / f"state-{transport}"
    key = issue(state)
    config = folder / f"{transport}.yaml"
    config.write_text(f"transport: {transport}\n")
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "authz.cli.main", "serve", "--defs", str(chosen), "--state", str(state)]
    command += ["--listen", f"127.0.0.1:{port}", "--config", str(config)]
    return Served(port, stack.enter_context(server(command, port))), key, state


def wrk(
    folder: Path, port: int, sent: Mapping[str, str], connections: int, seconds: float
) -> dict[str, float]:
    """A closed loop over so many connections: requests a second, and the median latency in milliseconds."""
    script = folder / "post.lua"
    # JSON texts are Lua texts, as long as they hold nothing but printable ASCII.
    lines = ['wrk.method = "POST"', f"wrk.body = {json.dumps(BODY.decode())}"]
    lines += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in sent.items()]
    lines.append(
        "done = function(summary, latency) io.write(string.format("
        '"R %d %d %d %f\\n", summary.requests, summary.duration, '
        "summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout, "
        "latency:percentile(50))) end"
    )
    script.write_text("\n".join(lines))
    done = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds:.0f}s", "-s", str(script),
         f"http://127.0.0.1:{port}/tickets/mcp"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    line = next(one for one in done.stdout.splitlines() if one.startswith("R "))
    requests, microseconds, errors, median = (float(part) for part in line.split()[1:])
    if errors:
        sys.exit(f"wrk: {errors:.0f} of {requests:.0f} requests failed")
    return {"per_second": requests / microseconds * 1e6, "p50_ms": median / 1e3}
