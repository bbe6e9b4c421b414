"""Refusals as real clients see them through Envoy: the official MCP client, httpx and grpcio."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import grpc
import httpx
import httpx2
import pytest
from mcp.client import Client
from mcp.client.client import ConnectMode
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from tests.integration.running import PATIENCE, ROOT
from tests.wire.case import DEFS
from tests.wire.gateway import Gateway, copied, echo, free_port, gateway, wait_for
from tests.wire.shipping import descriptor_set

STREAM_SECONDS = 2
PLAIN = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


@dataclass(frozen=True, slots=True)
class World:
    """A gateway, and a key."""

    gate: Gateway
    key: str

    @property
    def address(self) -> str:
        """Where agents connect."""
        return f"127.0.0.1:{self.gate.port}"

    def http(self, *, key: bool = True) -> httpx.Client:
        """With the key, or without."""
        headers = {"authorization": f"Bearer {self.key}"} if key else {}
        return httpx.Client(base_url=f"http://{self.address}", headers=headers, timeout=PATIENCE)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A real MCP app, and a REST app that takes everything."""
    folder = tmp_path_factory.mktemp("refusals")
    ports = {"18081": free_port(), "18082": free_port(), "18083": free_port()}
    definitions = copied(DEFS, folder / "defs", ports)
    (definitions / "shipping.binpb").write_bytes(descriptor_set())
    with ExitStack() as stack:
        said = stack.enter_context((folder / "crm.log").open("wb"))
        command = [sys.executable, "-m", "tests.wire.mcp_app", "crm", str(ports["18081"])]
        app = subprocess.Popen(command, cwd=ROOT, stderr=said, stdout=said)
        stack.callback(app.wait, PATIENCE)
        stack.callback(app.terminate)
        wait_for(ports["18081"], app.poll, folder / "crm.log")
        stack.enter_context(echo(ports["18082"]))
        gate = stack.enter_context(
            gateway(
                folder,
                definitions,
                "--stream-seconds",
                str(STREAM_SECONDS),
                "--resource",
                "https://gateway.example.com/mcp",
                "--authorization-server",
                "https://idp.example.com",
            )
        )
        yield World(gate, gate.key("prober", "everything"))


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28", "auto"])
async def test_a_model_reads_why_its_call_was_refused(world: World, mode: ConnectMode) -> None:
    """A result that is an error, which it can go on from; a resource is an error of the protocol."""
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {world.key}"}, timeout=PATIENCE) as http:
        transport = streamable_http_client(f"http://{world.address}/crm/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            allowed = await client.call_tool("search", {"query": "x"})
            refused = await client.call_tool("nothing", {})
            with pytest.raises(MCPError) as error:
                await client.read_resource("file:///other")

    assert not allowed.is_error
    assert refused.is_error
    assert "tool.unknown" in getattr(refused.content[0], "text", "")
    assert error.value.error.code == -32001


def test_rest_sees_problems(world: World) -> None:
    """RFC 9457, with the code and the decision, and a challenge where the credential is missing."""
    with world.http() as http:
        refused = http.get("/v1/accounts/A-1/secrets")
        unreadable = http.get("/v1/accounts/A-1/balance?account=A-2")
        allowed = http.get("/v1/accounts/A-1/balance")
    with world.http(key=False) as http:
        unknown = http.get("/v1/accounts/A-1/balance")

    assert [one.status_code for one in (allowed, refused, unreadable, unknown)] == [200, 403, 400, 401]
    assert [one.json()["code"] for one in (refused, unreadable, unknown)] == [
        "tool.unknown",
        "request.ambiguous",
        "credential.missing",
    ]
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["x-persona-decision"] == refused.json()["decision"]
    assert refused.headers["cache-control"] == "no-store"
    assert unknown.headers["www-authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(
    ("method", "message", "key", "status"),
    [
        ("Drop", b"", True, grpc.StatusCode.PERMISSION_DENIED),
        ("GetShipment", b"\x0a\xff", True, grpc.StatusCode.INTERNAL),
        ("GetShipment", b"\x0a\x01A", False, grpc.StatusCode.UNAUTHENTICATED),
        ("GetShipment", b"\x0a\x01A", True, grpc.StatusCode.UNAVAILABLE),
    ],
)
def test_grpc_sees_its_own_statuses(
    world: World, method: str, message: bytes, *, key: bool, status: grpc.StatusCode
) -> None:
    """The last is allowed: nobody is behind it, which is what UNAVAILABLE means."""
    metadata = (("authorization", f"Bearer {world.key}"),) if key else ()
    with grpc.insecure_channel(world.address) as channel:
        call = channel.unary_unary(f"/shipping.v1.Shipping/{method}", bytes, bytes)
        with pytest.raises(grpc.RpcError) as error:
            call(message, metadata=metadata, timeout=PATIENCE)

    assert error.value.code() is status
    assert (b"decision" in (error.value.details() or "").encode()) == (
        status is not grpc.StatusCode.UNAVAILABLE
    )


def test_a_message_that_cannot_be_read_is_a_bad_request(world: World) -> None:
    """With the error code of JSON-RPC, and the id that could be read."""
    body = (
        b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"search","Name":"delete_contact"}}'
    )
    with world.http() as http:
        answer = http.post("/crm/mcp", content=body, headers=PLAIN)
        stream = http.post("/crm/mcp", json={"jsonrpc": "2.0", "method": "notifications/x"}, headers=PLAIN)

    assert (answer.status_code, answer.json()["error"]["code"], answer.json()["id"]) == (400, -32600, 7)
    assert (stream.status_code, stream.content) == (403, b"")


def test_anyone_is_told_where_to_get_a_credential(world: World) -> None:
    """RFC 9728; and nothing else without one."""
    with world.http(key=False) as http:
        metadata = http.get("/.well-known/oauth-protected-resource/mcp")
        beside = http.get("/.well-known/oauth-protected-resourcex")

    assert metadata.json()["authorization_servers"] == ["https://idp.example.com"]
    assert metadata.headers["content-type"] == "application/json"
    assert beside.status_code == 401


def test_a_stream_ends_so_that_its_opening_is_judged_again(world: World) -> None:
    """A revoked key cannot listen for ever."""
    greeting = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "x", "version": "1"},
    }
    with world.http() as http:
        begun = http.post(
            "/crm/mcp",
            json={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": greeting},
            headers=PLAIN,
        )
        session = {"mcp-session-id": begun.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
        started = time.monotonic()
        ended = False
        try:
            with http.stream("GET", "/crm/mcp", headers={**session, "accept": "text/event-stream"}) as stream:
                assert stream.status_code == 200
                for _ in stream.iter_raw():
                    pass
            ended = True
        except httpx.RemoteProtocolError:
            ended = True
        lasted = time.monotonic() - started

    assert ended
    assert STREAM_SECONDS - 1 < lasted < STREAM_SECONDS + 10
