"""The demo's apps by themselves: they do what they say, and remember it."""

import asyncio
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from mcp.client import Client
from mcp.client.client import ConnectMode

from scripts.demo_apps import shipping_pb2 as shipping
from scripts.demo_apps import shipping_pb2_grpc as stubs

ROOT = Path(__file__).resolve().parents[2]
APPS = ("tickets", "crm", "billing", "shipping")
PATIENCE = 30.0
"""Seconds that an app gets to listen on a busy machine."""


@contextmanager
def running(app: str, state: Path) -> Iterator[int]:
    """The app as a process; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
    command = [sys.executable, "-m", f"scripts.demo_apps.{app}", "--port", str(port), "--state", str(state)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            deadline = time.monotonic() + PATIENCE
            while not accepts(port):
                assert process.poll() is None, f"{app} ended"
                assert time.monotonic() < deadline, f"{app} does not listen"
                time.sleep(0.02)
            yield port
            process.terminate()
            process.wait(PATIENCE)
        finally:
            process.kill()


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[int, Path]]]:
    """The MCP apps, each with its state file."""
    folder = tmp_path_factory.mktemp("apps")
    with running("tickets", folder / "tickets.json") as tickets, running("crm", folder / "crm.json") as crm:
        yield {"tickets": (tickets, folder / "tickets.json"), "crm": (crm, folder / "crm.json")}


@pytest.mark.parametrize("app", ["tickets", "crm"])
@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
async def test_an_mcp_app_lists_what_is_pinned_for_it_in_both_eras(
    ports: dict[str, tuple[int, Path]], app: str, mode: ConnectMode, version: str
) -> None:
    """The authorizer answers tools/list from the pins: they must be what the app would have said."""
    async with Client(f"http://127.0.0.1:{ports[app][0]}/mcp", mode=mode) as client:
        listed = (await client.list_tools()).tools
        negotiated = client.protocol_version

    pinned = json.loads((ROOT / "personas" / f"{app}.tools.json").read_text())["tools"]
    assert negotiated == version
    assert [tool.model_dump(by_alias=True, exclude_none=True, mode="json") for tool in listed] == pinned


@pytest.mark.parametrize(
    ("app", "tool", "arguments", "left"),
    [
        (
            "tickets",
            "draft_reply",
            {"ticket": "T-1001", "body": "soon"},
            lambda held: held["tickets"]["T-1001"]["drafts"] == ["soon"],
        ),
        (
            "tickets",
            "close_ticket",
            {"ticket": "T-1002"},
            lambda held: held["tickets"]["T-1002"]["status"] == "closed",
        ),
        ("tickets", "delete_ticket", {"ticket": "T-1003"}, lambda held: "T-1003" not in held["tickets"]),
        (
            "crm",
            "update_customer",
            {"customer": "C-1", "email": "new@example.net"},
            lambda held: held["customers"]["C-1"]["email"] == "new@example.net",
        ),
        (
            "crm",
            "export_customers",
            {"recipient": "a@example.org"},
            lambda held: held["exports"] == ["a@example.org"],
        ),
    ],
)
async def test_a_write_that_is_let_through_leaves_a_trace(
    ports: dict[str, tuple[int, Path]],
    app: str,
    tool: str,
    arguments: dict[str, str],
    left: Callable[[dict[str, Any]], bool],
) -> None:
    """Else its absence after a refusal would prove nothing."""
    port, state = ports[app]
    async with Client(f"http://127.0.0.1:{port}/mcp") as client:
        before = left(json.loads(state.read_text()))
        result = await client.call_tool(tool, arguments)

    assert not result.is_error
    assert (before, left(json.loads(state.read_text()))) == (False, True)


async def test_a_tool_says_what_it_cannot_find(ports: dict[str, tuple[int, Path]]) -> None:
    """An agent has to be able to tell a wrong id from a refusal."""
    async with Client(f"http://127.0.0.1:{ports['tickets'][0]}/mcp") as client:
        result = await client.call_tool("get_ticket", {"ticket": "T-9"})

    assert result.is_error
    assert ["no ticket `T-9`" in part.text for part in result.content if part.type == "text"] == [True]


def test_an_adjusted_balance_stays_adjusted(tmp_path: Path) -> None:
    """The balance of the story is real: it changes when it is allowed to, and survives a restart."""
    state = tmp_path / "billing.json"
    with (
        running("billing", state) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}/v1/accounts/A-1") as client,
    ):
        adjusted = client.post("/adjustments", json={"amount": -450})
    with running("billing", state) as port:
        balance = httpx.get(f"http://127.0.0.1:{port}/v1/accounts/A-1/balance")

    assert (adjusted.status_code, adjusted.json()["balance"]) == (201, 128000)
    assert balance.json() == {"account": "A-1", "currency": "EUR", "balance": 128000}


def test_billing_answers_as_its_openapi_document_says(tmp_path: Path) -> None:
    """The App definition is made from that document; it must be true."""
    with (
        running("billing", tmp_path / "billing.json") as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        document = client.get("/v1/openapi.json").json()
        answers = {
            (path, method): client.request(
                method, path.format(account="A-1"), json={"amount": 1} if method == "post" else None
            ).status_code
            for path, item in document["paths"].items()
            for method in item.keys() & {"get", "post"}
        }
        missing = client.get("/v1/accounts/A-9/balance")
        wrong = client.post("/v1/accounts/A-1/adjustments", json={"amount": "12"})

    assert document == json.loads((ROOT / "scripts" / "demo_apps" / "billing.openapi.json").read_text())
    for (path, method), status in answers.items():
        assert str(status) in document["paths"][path][method]["responses"]
        assert status < 300
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")
    assert wrong.status_code == 400


def test_a_cancelled_shipment_is_gone(tmp_path: Path) -> None:
    """What CancelShipment does cannot be undone, which is why the story's agent must not."""
    state = tmp_path / "shipping.json"
    with running("shipping", state) as port, grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        make: Callable[[grpc.Channel], Any] = stubs.ShippingStub
        stub = make(channel)
        found = stub.GetShipment(shipping.GetShipmentRequest(shipment_id="S-1"), timeout=10)
        stub.CancelShipment(shipping.CancelShipmentRequest(shipment_id="S-1"), timeout=10)
        with pytest.raises(grpc.RpcError) as gone:
            stub.GetShipment(shipping.GetShipmentRequest(shipment_id="S-1"), timeout=10)

    assert found.ticket == "T-1001"
    error: Any = gone.value
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert "S-1" not in json.loads(state.read_text())["shipments"]


@pytest.mark.parametrize("app", APPS)
async def test_an_app_listens_on_loopback_only_and_ends_on_sigterm(tmp_path: Path, app: str) -> None:
    """An app that the network can reach has a way around Envoy."""
    with running(app, tmp_path / "state.json") as port:
        local = await asyncio.to_thread(accepts, port)
        elsewhere = await asyncio.to_thread(accepts, port, "127.0.0.2")

    assert (local, elsewhere) == (True, False)
    assert not accepts(port)


def test_generated_code_and_pins_are_fresh() -> None:
    """What follows from the apps is committed, and must follow from them as they are now."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "demo_apps" / "gen", "--check"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
