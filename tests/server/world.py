"""A small world for the tests of the service: definitions, a key, a trail, all real."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from authz.compiler import SourceFile, compile_set
from authz.decode.answers import AnswerOptions
from authz.server import clock
from authz.server.answer import Authorizer
from authz.server.outgoing import Speech
from authz.server.pb.base_pb2 import HeaderMap, HeaderValue
from authz.server.pb.ext_authz_pb2 import AttributeContext, CheckRequest, CheckResponse
from authz.server.snapshot import Snapshot
from authz.stores.histories_memory import MemoryHistories
from authz.stores.keys import KeyStore, Terms
from authz.stores.keys_sqlite import open_keys
from authz.stores.trail import Limits, Trail, open_digester, read_records

DEFINITIONS = b"""
apiVersion: personas/v1
kind: Persona
metadata: {name: reader, version: "1", owner: a@example.com, description: Reads tickets.}
users: {groups: [support]}
agents: [{id: summarizer, models: ["claude-*"], versions: ">=1,<2", deployments: [prod]}]
tools:
  - {app: tickets, access: [read]}
  - {app: billing, tools: [get_balance]}
data: {allow: [internal], unlabelled: deny}
behaviour:
  limits: [{name: pace, calls: 5, per: 1m}]
---
apiVersion: personas/v1
kind: Persona
metadata: {name: rehearsal, version: "1", owner: a@example.com, description: As reader.}
mode: shadow
users: {groups: [support]}
agents: [{id: summarizer}]
tools: [{app: tickets, access: [read]}]
data: {allow: [internal], unlabelled: deny}
---
apiVersion: personas/v1
kind: App
metadata: {name: tickets}
protocol: mcp
upstream: {url: "http://127.0.0.1:8201/mcp", hosts: [tickets.internal]}
tools:
  - {name: get_ticket, access: read, data: [internal], target: ticket}
  - {name: close_ticket, access: write, data: [internal], target: ticket}
---
apiVersion: personas/v1
kind: App
metadata: {name: billing}
protocol: rest
upstream: {url: "http://127.0.0.1:8202", hosts: [billing.internal]}
tools:
  - name: get_balance
    match: {method: GET, path: "/v1/accounts/{account}/balance"}
    access: read
    data: [internal]
    target: account
---
apiVersion: personas/v1
kind: Directory
users:
  - {id: alice@example.com, active: true, groups: [support]}
  - {id: bob@example.com, active: false, groups: [support]}
groups:
  - name: support
    entitlements:
      - {app: tickets, access: [read, write]}
      - {app: billing, access: [read]}
"""

PINNED = {
    "tickets": orjson.dumps(
        {
            "tools": [
                {"name": name, "description": name, "inputSchema": {"type": "object"}}
                for name in ("get_ticket", "close_ticket")
            ]
        }
    )
}


@dataclass(frozen=True, slots=True)
class World:
    """An authorizer with everything behind it."""

    authorizer: Authorizer
    store: KeyStore
    state: Path
    problems: list[str]

    def key(self, user: str = "alice@example.com", persona: str = "reader", **terms: str) -> str:
        """A new key."""
        wanted = {"agent": "summarizer", "model": "claude-x", "version": "1.4", "deployment": "prod", **terms}
        made = Terms(user=user, persona=persona, ttl=timedelta(days=1), **wanted)  # type: ignore[arg-type]
        return self.store.issue(made, clock.now())[1]

    def ask(self, *checks: bytes) -> list[CheckResponse]:
        """The answers to a batch."""
        answers = self.authorizer([({}, check) for check in checks])
        return [CheckResponse.FromString(answer) for answer in answers if isinstance(answer, bytes)]

    def records(self) -> list[dict[str, Any]]:
        """Every decision on the trail, in its order."""
        return [dict(one) for one in read_records(self.state) if one.get("kind") == "decision"]


@contextmanager
def world(state: Path) -> Iterator[World]:
    """A world in this state folder."""
    compiled = compile_set([SourceFile("world.yaml", DEFINITIONS)], pinned=PINNED)
    problems: list[str] = []
    store = open_keys(state)
    # Every refusal on its own: the tests count them.
    trail = Trail.open(state, limits=Limits(strangers_rate=1_000_000))
    try:
        authorizer = Authorizer(
            snapshot=Snapshot.of(compiled.definitions),
            keys=store.ring,
            used=store.used,
            histories=MemoryHistories(),
            trail=trail,
            digester=open_digester(state),
            speech=Speech(AnswerOptions()),
            on_problem=problems.append,
        )
        yield World(authorizer, store, state, problems)
    finally:
        trail.close()
        store.close()


def check(  # noqa: PLR0913 - each is a part of a request
    method: str = "POST",
    path: str = "/mcp",
    *,
    key: str | None = None,
    app: str | None = "tickets",
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """A CheckRequest as Envoy sends it with raw headers and raw body."""
    sent = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    sent |= dict(headers or {})
    if key is not None:
        sent["authorization"] = f"Bearer {key}"
    raw = [HeaderValue(key=name, raw_value=value.encode()) for name, value in sent.items()]
    http = AttributeContext.HttpRequest(
        id="req-1", method=method, path=path, host="gateway.internal", size=len(body), raw_body=body,
        header_map=HeaderMap(headers=raw),
    )  # fmt: skip
    return CheckRequest(
        attributes=AttributeContext(
            request=AttributeContext.Request(http=http),
            context_extensions={"app": app} if app is not None else {},
        )
    ).SerializeToString()


def tool_call(name: str, **args: object) -> bytes:
    """The body of an MCP `tools/call` of the session era."""
    return rpc("tools/call", {"name": name, "arguments": args})


def rpc(method: str, params: dict[str, object] | None = None) -> bytes:
    """The body of an MCP request."""
    return orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params or {}})
