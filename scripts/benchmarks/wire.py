"""CPU a decision and throughput of the whole server, against always-allow servers on the same transports.

Each server runs in a process of its own; h2load asks it at 1, 8 and 64 streams over one connection. The
authorizer is `personas serve` as shipped: canonical persona, durable trail, one key. CPU is the user and
system time of the server's process. Rounds are interleaved; the figure is the median, the spread is shown.
"""

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import grpc

from authz.server.pb.base_pb2 import HeaderMap, HeaderValue
from authz.server.pb.ext_authz_pb2 import AttributeContext, CheckRequest, CheckResponse
from scripts.demo_story.stack import free_ports

ROOT = Path(__file__).resolve().parents[2]
CHECK = "/envoy.service.auth.v3.Authorization/Check"
STREAMS = (1, 8, 64)
ALLOWER = Path(__file__).with_name("allower.py")
TICKS = os.sysconf("SC_CLK_TCK")


def message(key: str) -> bytes:
    """An MCP tools/call as Envoy shows it, about 800 bytes."""
    body = (
        b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_ticket",'
        b'"arguments":{"ticket":"T-1001"},"_meta":{"progressToken":7}}}'
    )
    sent = {
        ":method": "POST", ":path": "/tickets/mcp", ":authority": "127.0.0.1:10000", ":scheme": "http",
        "accept": "application/json, text/event-stream", "content-type": "application/json",
        "content-length": str(len(body)), "user-agent": "python-httpx/0.28.1", "accept-encoding": "gzip",
        "authorization": f"Bearer {key}", "mcp-protocol-version": "2025-11-25",
        "x-request-id": "6e2f4a4e-0f0c-4f6c-9b46-6d0f6d0f1c11", "x-forwarded-proto": "http",
    }  # fmt: skip
    http = AttributeContext.HttpRequest(
        id="6e2f4a4e-0f0c-4f6c-9b46-6d0f6d0f1c11", method="POST", path="/tickets/mcp", host="127.0.0.1",
        scheme="http", size=len(body), protocol="HTTP/1.1", raw_body=body,
        header_map=HeaderMap(headers=[HeaderValue(key=k, raw_value=v.encode()) for k, v in sent.items()]),
    )  # fmt: skip
    attributes = AttributeContext(
        request=AttributeContext.Request(http=http),
        context_extensions={"app": "tickets", "max_request_bytes": "1048576"},
    )
    attributes.source.address.socket_address.address = "127.0.0.1"
    return CheckRequest(attributes=attributes).SerializeToString()


@contextmanager
def server(command: list[str], port: int) -> Iterator[int]:
    """A server process; gives its id once it answers."""
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            grpc.channel_ready_future(channel).result(timeout=30)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def definitions(folder: Path) -> Path:
    """The canonical persona without its limit on pace, which a benchmark would only run into."""
    folder.mkdir()
    for path in (ROOT / "personas").glob("*.yaml"):
        text = path.read_text()
        (folder / path.name).write_text(re.sub(r"calls: \d+, per: 1m", "calls: 100000000, per: 1m", text))
    for path in (ROOT / "personas").glob("*.tools.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def issue(state: Path) -> str:
    """A key of the agent of the story."""
    command = [sys.executable, "-m", "authz.cli.main", "keys", "issue", "--state", str(state), "--json"]
    agent = ["--agent", "support-summarizer", "--model", "claude-sonnet-5", "--agent-version", "1.6.2"]
    bound = ["--deployment", "prod-eu", "--user", "alice@example.com", "--persona", "support-summarizer"]
    done = subprocess.run(
        [*command, *agent, *bound, "--ttl", "1d"], check=True, capture_output=True, cwd=ROOT
    )
    key: str = json.loads(done.stdout)["key"]
    return key


def cpu(pid: int) -> float:
    """User and system seconds that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def load(port: int, pid: int, framed: Path, streams: int, calls: int) -> tuple[float, float]:
    """CPU in microseconds a call, and calls a second."""
    began, before = time.perf_counter(), cpu(pid)
    done = subprocess.run(
        ["h2load", "-n", str(calls), "-c", "1", "-m", str(streams), "-d", str(framed),
         "-H", "content-type: application/grpc", "-H", "te: trailers", f"http://127.0.0.1:{port}{CHECK}"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    if f"{calls} succeeded, 0 failed" not in done.stdout:
        sys.exit(f"h2load: {done.stdout}")
    return (cpu(pid) - before) / calls * 1e6, calls / (time.perf_counter() - began)


def confirm(port: int, asked: bytes) -> None:
    """h2load sees HTTP statuses only: look once with a real client that the answer is an allow."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        answer = channel.unary_unary(CHECK, bytes, bytes)(asked, timeout=5)
    if CheckResponse.FromString(answer).status.code != 0 or not answer:
        sys.exit(f"port {port} does not allow the call: {CheckResponse.FromString(answer)}")


def main() -> None:
    """Print a table; `--json FILE` writes it as well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--calls", type=int, default=6000, help="calls a round at 8 and 64 streams")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        defs, state = definitions(folder / "defs"), folder / "state"
        asked = message(issue(state))
        framed = folder / "framed"
        framed.write_bytes(b"\0" + len(asked).to_bytes(4) + asked)
        servers: dict[str, tuple[int, int]] = {}
        for transport in ("http2", "grpc"):
            config = folder / f"{transport}.yaml"
            config.write_text(f"transport: {transport}\n")
            port, other = free_ports(2)
            own = state if transport == "http2" else folder / "state-grpc"
            if own != state:
                subprocess.run(["cp", "-r", str(state), str(own)], check=True)
            serve = ["-m", "authz.cli.main", "serve", "--defs", str(defs), "--state", str(own),
                     "--listen", f"127.0.0.1:{port}", "--config", str(config)]  # fmt: skip
            servers[f"personas {transport}"] = (
                port,
                stack.enter_context(server([sys.executable, *serve], port)),
            )
            allow = [sys.executable, str(ALLOWER), transport, str(other)]
            servers[f"always-allow {transport}"] = other, stack.enter_context(server(allow, other))
        for port, _ in servers.values():
            confirm(port, asked)
        figures = measure(servers, framed, options.rounds, options.calls)
        for port, _ in servers.values():
            confirm(port, asked)
    show(figures)
    if options.json:
        options.json.write_text(json.dumps({"wire": figures}, indent=2) + "\n")


def measure(
    servers: dict[str, tuple[int, int]], framed: Path, rounds: int, calls: int
) -> list[dict[str, object]]:
    """Medians over interleaved rounds."""
    found: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for streams in STREAMS:
            for name, (port, pid) in servers.items():
                count = calls // 3 if streams == 1 else calls
                found.setdefault((name, streams), []).append(load(port, pid, framed, streams, count))
    return [
        {
            "server": name, "streams": streams,
            "cpu_us": statistics.median(one[0] for one in each),
            "spread_us": max(one[0] for one in each) - min(one[0] for one in each),
            "per_second": statistics.median(one[1] for one in each),
        }
        for (name, streams), each in found.items()
    ]  # fmt: skip


def show(figures: list[dict[str, object]]) -> None:
    """The table, with ratios to the always-allow grpcio server of the same run."""
    base = {one["streams"]: one["cpu_us"] for one in figures if one["server"] == "always-allow grpc"}
    print(f"{'server':22}{'streams':>8}{'CPU us':>9}{'spread':>8}{'a second':>10}{'÷ allow grpc':>14}")
    for one in figures:
        ratio = float(str(one["cpu_us"])) / float(str(base[one["streams"]]))
        print(
            f"{one['server']:22}{one['streams']:>8}{one['cpu_us']:>9.1f}{one['spread_us']:>8.1f}"
            f"{one['per_second']:>10,.0f}{ratio:>14.2f}"
        )


if __name__ == "__main__":
    main()
