"""The agent: a plain client of three protocols. Has an address and a key; knows nothing of personas."""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Self

import grpc
import httpx
import httpx2
from mcp.client import Client
from mcp.client.client import ConnectMode
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from scripts.demo_apps import shipping_pb2 as shipping
from scripts.demo_apps import shipping_pb2_grpc as stubs


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back, in few words."""

    ok: bool
    status: str
    text: str
    decision: str | None = None
    """The id that the answer carried, if it did."""


class Agent:
    """Calls apps at one address, with one key or none."""

    def __init__(self, address: str, key: str | None) -> None:
        self.address = address
        self.headers = {"authorization": f"Bearer {key}"} if key else {}
        self._open = AsyncExitStack()
        self._mcp: dict[str, Client] = {}

    async def __aenter__(self) -> Self:
        self._http = await self._open.enter_async_context(
            httpx.AsyncClient(base_url=f"http://{self.address}", headers=self.headers, timeout=10)
        )
        channel = await self._open.enter_async_context(grpc.aio.insecure_channel(self.address))
        make: Callable[[grpc.aio.Channel], Any] = stubs.ShippingStub
        self._shipping = make(channel)
        return self

    async def __aexit__(self, *end: object) -> None:
        await self._open.aclose()

    async def connect(self, app: str, mode: ConnectMode) -> str:
        """Open MCP to an app; gives the protocol version that both sides agreed on."""
        http = await self._open.enter_async_context(httpx2.AsyncClient(headers=self.headers, timeout=30))
        transport = streamable_http_client(f"http://{self.address}/{app}/mcp", http_client=http)
        self._mcp[app] = await self._open.enter_async_context(Client(transport, mode=mode))
        return self._mcp[app].protocol_version

    async def tools(self, app: str) -> list[str]:
        """The tools that the app says it has."""
        return [tool.name for tool in (await self._mcp[app].list_tools()).tools]

    async def tool(self, app: str, name: str, arguments: Mapping[str, Any]) -> Answer:
        """Call an MCP tool."""
        try:
            result = await self._mcp[app].call_tool(name, dict(arguments))
        except MCPError as error:
            return Answer(ok=False, status=f"JSON-RPC {error.code}", text=error.message)
        text = " ".join(part.text for part in result.content if part.type == "text")
        return Answer(ok=not result.is_error, status="isError" if result.is_error else "result", text=text)

    async def rest(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Call a REST operation."""
        answer = await self._http.request(method, path, json=body)
        return Answer(
            ok=answer.is_success,
            status=str(answer.status_code),
            text=answer.text,
            decision=answer.headers.get("x-persona-decision"),
        )

    async def get_shipment(self, shipment: str) -> Answer:
        """Ask the shipping service where something is."""
        return await self._rpc("GetShipment", shipping.GetShipmentRequest(shipment_id=shipment))

    async def cancel_shipment(self, shipment: str) -> Answer:
        """Call a shipment back."""
        return await self._rpc("CancelShipment", shipping.CancelShipmentRequest(shipment_id=shipment))

    async def _rpc(self, method: str, request: object) -> Answer:
        try:
            reply = await getattr(self._shipping, method)(
                request, metadata=tuple(self.headers.items()), timeout=10
            )
        except grpc.aio.AioRpcError as error:
            metadata = [*(error.initial_metadata() or ()), *(error.trailing_metadata() or ())]
            return Answer(
                ok=False,
                status=error.code().name,
                text=error.details() or "",
                decision=next((str(value) for name, value in metadata if name == "x-persona-decision"), None),
            )
        return Answer(ok=True, status="OK", text=" ".join(str(reply).split()))
