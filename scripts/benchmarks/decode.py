"""Decoding: time of a tools/call beyond the JSON parser, how it grows with the body, and with the routes.

Times are the best of several rounds. The goals: at most 10 us beyond orjson for a tools/call of 775 bytes,
1 MiB of arguments under 10 ms, and 1,200 route templates within 1.2 times of 10.
"""

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

from authz.core.app import Access, App, Match, Tool
from authz.core.call import Json
from authz.core.definitions import Definitions
from authz.core.request import Request
from authz.decode import Decoded, Decoders

ROUNDS = 15
META: dict[str, Json] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "agent", "version": "1.4.2"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def best(work: Callable[[], object], times: int) -> float:
    """Microseconds of one run."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(times):
            work()
        found.append((time.perf_counter() - began) / times * 1e6)
    return min(found)


def call(args: Json) -> bytes:
    """A tools/call."""
    params: Json = {"name": "search", "arguments": args, "_meta": META}
    return orjson.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params})


def sized(size: int) -> bytes:
    """A tools/call of exactly `size` bytes."""
    args: dict[str, Json] = {"query": "", "limit": 10, "filter": {"status": "open", "tags": ["a", "b"]}}
    args["query"] = "x" * (size - len(call(args)))
    return call(args)


def request(body: bytes) -> Request:
    """As Envoy sends it for the stateless era."""
    headers = {
        ":authority": "gateway.example.com",
        ":path": "/mcp",
        ":method": "POST",
        ":scheme": "https",
        "user-agent": "agent/1.4.2",
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "content-length": str(len(body)),
        "x-request-id": "8f8cbb23-6c5f-4a0e-9a0c-1d2e3f405162",
        "x-forwarded-proto": "https",
        "authorization": "Bearer aak_prod_x_y",
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "search",
    }
    context = {"app": "crm", "max_request_bytes": str(64 * 1024 * 1024)}
    return Request(method="POST", path="/mcp", headers=headers, body=body, size=len(body), context=context)


def routes(count: int) -> Decoders:
    """An app of `count` route templates."""
    tools = {}
    for number in range(count):
        path = f"/v1/group{number // 12}/{{account}}/thing{number % 12}"
        name = f"tool{number}"
        tools[name] = Tool(app="api", name=name, access=Access.READ, match=Match(method="GET", path=path))
    return Decoders.of(Definitions(apps={"api": App(name="api", protocol="rest", tools=tools)}))


def rows() -> list[dict[str, object]]:
    """All figures."""
    tool = Tool(app="crm", name="search", access=Access.READ, target="query")
    crm = App(name="crm", protocol="mcp", tools={"search": tool})
    mcp = Decoders.of(Definitions(apps={"crm": crm}))
    found: list[dict[str, object]] = []

    def measured(name: str, body: bytes, times: int, goal: float) -> None:
        asked = request(body)
        if not isinstance(mcp.decode(asked, mcp.route(asked)), Decoded):
            raise TypeError(name)
        whole = best(lambda: mcp.decode(asked, mcp.route(asked)), times)
        parsing = best(lambda: orjson.loads(body), times)
        beyond = {"us": whole, "orjson_us": parsing, "beyond_us": whole - parsing}
        found.append({"name": name, "bytes": len(body), **beyond, "goal_us": goal})

    measured("tools/call", sized(775), 3000, 10.0)
    for size in (8_192, 65_536, 524_288):
        measured("one long text", sized(size), 100, 0.0)
    measured("one long text", sized(1024 * 1024), 20, 10_000.0)
    rows_of: list[Json] = [
        {"id": f"row-{number}", "name": "Ada Lovelace", "amount": number * 1.5} for number in range(17_000)
    ]
    measured("17,000 objects", call({"rows": rows_of}), 3, 10_000.0)
    spaced = json.dumps(orjson.loads(call({"rows": rows_of[:15_000]}))).encode()
    measured("15,000 objects, spaced", spaced, 3, 10_000.0)
    few, many = routes(10), routes(1200)
    asked = Request(method="GET", path="/v1/group0/A-1/thing7", context={"app": "api"})
    last = Request(method="GET", path="/v1/group99/A-1/thing7", context={"app": "api"})
    ten = best(lambda: few.decode(asked, few.route(asked)), 3000)
    most = best(lambda: many.decode(last, many.route(last)), 3000)
    found.append({"name": "10 routes", "us": ten})
    found.append({"name": "1,200 routes", "us": most, "ratio": most / ten, "goal_ratio": 1.2})
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args(arguments)
    figures = rows()
    for row in figures:
        print(
            "  ".join(
                f"{key} {value:.2f}" if isinstance(value, float) else f"{value}" for key, value in row.items()
            )
        )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
