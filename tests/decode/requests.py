"""Requests as the tests of this room write them."""

from collections.abc import Mapping

import orjson

from authz.core.app import Access, App, Match, Tool
from authz.core.call import Json
from authz.core.definitions import Definitions
from authz.core.request import Request
from authz.decode import Decoded, Decoders, Unreadable

META: dict[str, Json] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
JSON = {"content-type": "application/json"}


def tool(app: str, name: str, **more: object) -> Tool:
    """A tool that reads."""
    return Tool(app=app, name=name, access=Access.READ, **more)  # type: ignore[arg-type]  # any field


def apps() -> Definitions:
    """One app of each protocol."""
    crm = App(
        name="crm",
        protocol="mcp",
        hosts=frozenset({"crm.internal"}),
        tools={"search": tool("crm", "search", target="query")},
        prompts={"triage": tool("crm", "triage")},
        resources=(tool("crm", "file:///reports/*"), tool("crm", "file:///reports/secret/*")),
        client_requests=frozenset({"elicitation"}),
    )
    balance = Match(method="GET", path="/v1/accounts/{account}/balance")
    billing = App(
        name="billing",
        protocol="rest",
        hosts=frozenset({"billing.internal", "shared.internal"}),
        tools={"get_balance": tool("billing", "get_balance", match=balance, target="account")},
    )
    get = Match(method="/shipping.v1.Shipping/GetShipment")
    shipping = App(
        name="shipping",
        protocol="grpc",
        hosts=frozenset({"shared.internal"}),
        tools={"GetShipment": tool("shipping", "GetShipment", match=get)},
    )
    return Definitions(apps={one.name: one for one in (crm, billing, shipping)})


DECODERS = Decoders.of(apps())


def message(method: str, params: Json = None, **more: Json) -> bytes:
    """A JSON-RPC request."""
    body: dict[str, Json] = {"jsonrpc": "2.0", "id": 1, "method": method}
    if params is not None:
        body["params"] = params
    return orjson.dumps({**body, **more})


def post(body: bytes, headers: Mapping[str, str] = JSON, app: str = "crm", **context: str) -> Request:
    """A POST to an app, as Envoy tells of it."""
    return Request(
        method="POST",
        path="/mcp",
        host="gateway.example.com",
        headers=headers,
        body=body,
        size=len(body),
        context={"app": app, **context},
    )


def stateless(method: str, name: str | None = None) -> dict[str, str]:
    """The headers that 2026-07-28 asks for."""
    headers = {**JSON, "mcp-protocol-version": "2026-07-28", "mcp-method": method}
    return headers if name is None else {**headers, "mcp-name": name}


def decode(request: Request, decoders: Decoders = DECODERS) -> Decoded | Unreadable:
    """The whole way of this room."""
    return decoders.decode(request, decoders.route(request))


def decoded(request: Request, decoders: Decoders = DECODERS) -> Decoded:
    """A request that must be readable."""
    found = decode(request, decoders)
    assert isinstance(found, Decoded), found
    return found


def refused(request: Request, decoders: Decoders = DECODERS) -> Unreadable:
    """A request that must not be."""
    found = decode(request, decoders)
    assert isinstance(found, Unreadable), found
    return found
