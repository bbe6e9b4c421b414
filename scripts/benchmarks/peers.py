"""The same requests against peers: CPU a decision of the server's process, and decisions a second.

`always-allow go`: a Go ext_authz server that parses and allows. `opa`: OPA's engine (its Go SDK) behind
ext_authz with the policy of `peers/policy.rego` (key, agent, allowlist of 100 tools, one rule about an
argument) and its decision log on; with `--opa-envoy FILE`, OPA's own Envoy plugin besides. `personas`: the
equivalent persona, with its durable trail. One connection of h2load, `--streams` at a time; rounds are
interleaved, a figure is their median. Needs `go` and `h2load`; the first run builds the peers.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from authz.server.pb.ext_authz_pb2 import CheckRequest
from scripts.benchmarks.ground.stand import Served, allower, personas
from scripts.benchmarks.wire import ROOT, confirm, load, message, server
from scripts.demo_story.stack import free_ports

PEERS = Path(__file__).with_name("peers")
TOOLS = ["get_ticket", *(f"tool_{number}" for number in range(99))]
PERSONA = """\
apiVersion: personas/v1
kind: Persona
metadata: {name: support-summarizer, version: "1"}
users: {groups: [support-agents]}
agents: [{id: support-summarizer}]
data: {allow: [internal]}
tools:
  - app: tickets
    when: 'args.ticket.size() < 100'
"""
APP = "apiVersion: personas/v1\nkind: App\nmetadata: {name: tickets}\nprotocol: mcp\ntools:\n" + "".join(
    f"  - {{name: {tool}, access: read, data: [internal], target: ticket}}\n" for tool in TOOLS
)
DIRECTORY = """\
apiVersion: personas/v1
kind: Directory
users: [{id: alice@example.com, groups: [support-agents]}]
groups: [{name: support-agents, entitlements: [{app: tickets, access: [read]}]}]
"""


def main() -> None:
    """Print a table; `--json FILE` writes it as well."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=10_000, help="calls a round")
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--opa-envoy", type=Path, help="OPA's Envoy plugin, installed")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours, key, _ = personas(stack, folder, defs=equivalent(folder / "defs"))
        built = build()
        servers = {
            "always-allow grpcio": allower(stack, "grpc"),
            "always-allow http2": allower(stack, "http2"),
            "always-allow go": peer(stack, built / "allow"),
            "opa": opa(stack, folder, built / "opa", key),
            "personas": ours,
        }
        if options.opa_envoy is not None:
            servers["opa-envoy-plugin"] = plugin(stack, folder, options.opa_envoy)
        sent = {name: framed(folder, name, key) for name in servers}
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
        for _ in range(options.rounds):
            for name, one in servers.items():
                confirm(one.port, sent[name].read_bytes()[5:])
                found[name].append(load(one.port, one.pid, sent[name], options.streams, options.calls))
    rows: list[dict[str, float | str]] = [
        {
            "server": name,
            "cpu_us": statistics.median(one[0] for one in each),
            "spread_us": max(one[0] for one in each) - min(one[0] for one in each),
            "per_second": statistics.median(one[1] for one in each),
        }
        for name, each in found.items()
    ]
    show(rows)
    if options.json:
        options.json.write_text(json.dumps({"peers": rows}, indent=2) + "\n")


def show(rows: list[dict[str, float | str]]) -> None:
    """The table, with what ours costs as a part of each."""
    ours = next(float(row["cpu_us"]) for row in rows if row["server"] == "personas")
    print(f"{'server':22}{'CPU us':>9}{'spread':>9}{'a second':>11}{'personas ÷ it':>15}")
    for row in rows:
        cpu = float(row["cpu_us"])
        print(
            f"{row['server']:22}{cpu:>9.1f}{row['spread_us']:>9.1f}{row['per_second']:>11,.0f}"
            f"{ours / cpu:>15.2f}"
        )


def framed(folder: Path, name: str, key: str) -> Path:
    """The check as a gRPC message; OPA reads headers and bodies as text, ours the bytes as they came."""
    asked = message(key)
    if name.startswith("opa"):
        check = CheckRequest.FromString(asked)
        http = check.attributes.request.http
        for header in http.header_map.headers:
            http.headers[header.key] = header.raw_value.decode()
        http.body = http.raw_body.decode()
        http.ClearField("header_map")
        http.ClearField("raw_body")
        asked = check.SerializeToString()
    path = folder / f"{name}.framed"
    path.write_bytes(b"\0" + len(asked).to_bytes(4) + asked)
    return path


def equivalent(folder: Path) -> Path:
    """A persona that asks what the Rego policy asks."""
    folder.mkdir()
    for name, text in (
        ("persona", f"{PERSONA}    tools: [{', '.join(TOOLS)}]\n"),
        ("app", APP),
        ("directory", DIRECTORY),
    ):
        (folder / f"{name}.yaml").write_text(text)
    return folder


def build() -> Path:
    """The peers' programs, outside of the source tree."""
    target = ROOT / "build" / "peers"
    target.mkdir(parents=True, exist_ok=True)
    print("building the Go peers (minutes, the first time)", file=sys.stderr)
    subprocess.run(["go", "build", "-o", str(target) + os.sep, "./..."], cwd=PEERS, check=True)
    return target


def peer(stack: ExitStack, program: Path, *arguments: str) -> Served:
    """A Go server."""
    (port,) = free_ports(1)
    return Served(port, stack.enter_context(server([str(program), f"127.0.0.1:{port}", *arguments], port)))


def opa(stack: ExitStack, folder: Path, program: Path, key: str) -> Served:
    """OPA's engine, with policy and data from a bundle and decisions logged to a file."""
    bundle(folder / "bundle", key)
    config = folder / "opa.yaml"
    config.write_text(
        f"bundles: {{authz: {{resource: 'file://{folder / 'bundle'}'}}}}\ndecision_logs: {{console: true}}\n"
    )
    # Beyond the log of decisions nothing is written: standard output and error go to a file.
    shell = ["sh", "-c", 'exec "$0" "$@" >"$OPA_LOG" 2>&1', str(program)]
    os.environ["OPA_LOG"] = str(folder / "opa.log")
    (port,) = free_ports(1)
    return Served(port, stack.enter_context(server([*shell, f"127.0.0.1:{port}", str(config)], port)))


def bundle(folder: Path, key: str) -> None:
    """The policy and its data: one key, one agent, 100 tools."""
    folder.mkdir()
    (folder / "policy.rego").write_bytes((PEERS / "policy.rego").read_bytes())
    data = {
        "keys": {hashlib.sha256(key.encode()).hexdigest(): {"agent": "support-summarizer"}},
        "agents": ["support-summarizer"],
        "tools": dict.fromkeys(TOOLS, True),
    }
    (folder / "data.json").write_text(json.dumps(data))


def plugin(stack: ExitStack, folder: Path, program: Path) -> Served:
    """OPA's Envoy plugin with the same bundle."""
    (port,) = free_ports(1)
    settings = {
        "plugins.envoy_ext_authz_grpc.addr": f"127.0.0.1:{port}",
        "plugins.envoy_ext_authz_grpc.path": "envoy/authz/allow",
        "decision_logs.console": "true",
    }
    shell = ["sh", "-c", 'exec "$0" "$@" >"$OPA_LOG" 2>&1', str(program), "run", "--server"]
    shell += ["--addr=127.0.0.1:0", *(f"--set={name}={value}" for name, value in settings.items())]
    return Served(port, stack.enter_context(server([*shell, "--bundle", str(folder / "bundle")], port)))


if __name__ == "__main__":
    main()
