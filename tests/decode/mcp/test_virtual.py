"""The virtual endpoint: one address and many apps."""

import mcp_types._v2026_07_28 as modern
import orjson
import pytest
from mcp.shared.inbound import InboundModernRoute, classify_inbound_request

from authz.core.app import App
from authz.core.call import Json
from authz.core.definitions import Definitions
from authz.core.request import Request
from authz.decode import Decoded, Decoders, Rewrite
from authz.decode.answers import virtual_answer
from authz.decode.exchange import Exchange
from tests.decode.requests import JSON, META, decoded, message, stateless, tool

MIRRORING = orjson.dumps(
    {
        "name": "search",
        "inputSchema": {"properties": {"region": {"type": "string", "x-mcp-header": "Region"}}},
    }
)
DECODERS = Decoders.of(
    Definitions(
        apps={
            "crm": App(
                name="crm",
                protocol="mcp",
                tools={"search": tool("crm", "search", definition=MIRRORING)},
                prompts={"triage": tool("crm", "triage")},
            ),
            "tickets": App(name="tickets", protocol="mcp", tools={"search": tool("tickets", "search")}),
        }
    )
)


def _read(body: bytes, headers: dict[str, str]) -> Decoded:
    request = Request(
        method="POST",
        path="/mcp",
        headers=headers,
        body=body,
        size=len(body),
        context={"endpoint": "virtual"},
    )
    return decoded(request, DECODERS)


def _call(name: str, args: Json, *, modern_era: bool) -> Decoded:
    params: dict[str, Json] = {"name": name, "arguments": args, "_meta": {**META} if modern_era else {"x": 1}}
    return _read(message("tools/call", params), stateless("tools/call", name) if modern_era else JSON)


@pytest.mark.parametrize("modern_era", [True, False])
def test_a_call_is_written_anew_for_its_app(*, modern_era: bool) -> None:
    """A server of the stateless era takes it, with exactly the name and arguments that were judged."""
    headers = {"mcp-param-region": "eu"} if modern_era else {}
    params: dict[str, Json] = {
        "name": "crm__search",
        "arguments": {"region": "eu"},
        "_meta": {**META} if modern_era else {"progressToken": 7},
    }
    sent = {**(stateless("tools/call", "crm__search") if modern_era else JSON), **headers}
    found = _read(message("tools/call", params), sent)

    assert isinstance(found.rewrite, Rewrite)
    body = orjson.loads(found.rewrite.body)
    assert (
        (found.action.app, found.action.name)
        == (found.rewrite.app, body["params"]["name"])
        == ("crm", "search")
    )
    assert body["params"]["arguments"] == found.action.args
    assert body["params"]["_meta"].get("progressToken") == (None if modern_era else 7)
    assert isinstance(classify_inbound_request(body, headers=dict(found.rewrite.headers)), InboundModernRoute)
    assert ("mcp-param-region", "eu") in found.rewrite.headers


def test_two_apps_may_have_a_tool_of_the_same_name() -> None:
    """Each call goes to the app that its name carries."""
    first, second = (_call(name, {}, modern_era=False) for name in ("crm__search", "tickets__search"))

    assert first.rewrite is not None
    assert second.rewrite is not None
    assert (first.rewrite.app, second.rewrite.app) == ("crm", "tickets")


def test_a_value_that_no_header_can_hold_is_wrapped() -> None:
    """As the specification says."""
    found = _call("crm__search", {"region": "größe"}, modern_era=False)

    assert found.rewrite is not None
    assert ("mcp-param-region", "=?base64?Z3LDtsOfZQ==?=") in found.rewrite.headers


def test_completion_of_a_prompt_goes_to_its_app() -> None:
    """Its reference carries the app as well."""
    params: Json = {
        "ref": {"type": "ref/prompt", "name": "crm__triage"},
        "argument": {"name": "a", "value": ""},
    }
    found = _read(message("completion/complete", params), JSON)

    assert found.rewrite is not None
    assert orjson.loads(found.rewrite.body)["params"]["ref"]["name"] == "triage"


@pytest.mark.parametrize("name", ["search", "__search", "crm__", "crm_search"])
def test_a_name_without_an_app_is_no_ones(name: str) -> None:
    """It is denied, and goes nowhere."""
    found = _call(name, {}, modern_era=False)

    assert (found.action.app, found.action.tool, found.rewrite) == (None, None, None)


def _answer(method: str, *, modern_era: bool, **more: object) -> tuple[int, Json]:
    exchange = Exchange(
        protocol="mcp",
        method=method,
        id=1,
        has_id=True,
        virtual=True,
        stateless=modern_era,
        **more,  # type: ignore[arg-type]  # any field
    )
    answer = virtual_answer(exchange, [], "d-1")
    assert answer is not None
    return answer.status, orjson.loads(answer.body)


@pytest.mark.parametrize(
    ("method", "schema"),
    [
        ("server/discover", modern.DiscoverResult),
        ("tools/list", modern.ListToolsResult),
        ("prompts/list", modern.ListPromptsResult),
        ("resources/list", modern.ListResourcesResult),
        ("resources/templates/list", modern.ListResourceTemplatesResult),
    ],
)
def test_what_belongs_to_no_app_is_answered_as_the_schema_says(method: str, schema: type) -> None:
    """The official model of each result reads it."""
    status, body = _answer(method, modern_era=True)

    assert status == 200
    assert isinstance(body, dict)
    schema.model_validate(body["result"])  # type: ignore[attr-defined]  # all are models


@pytest.mark.parametrize(
    ("asked", "given"), [("2025-06-18", "2025-06-18"), ("2099-01-01", "2025-11-25"), (None, "2025-11-25")]
)
def test_a_session_begins_with_a_version_that_is_known(asked: Json, given: str) -> None:
    """And without a session id: each call stands by itself."""
    found = _read(message("initialize", {"protocolVersion": asked, "capabilities": {}}), JSON)
    status, body = _answer("initialize", modern_era=False, version=found.exchange.version)

    assert status == 200
    assert isinstance(body, dict)
    assert isinstance(body["result"], dict)
    assert body["result"]["protocolVersion"] == given


@pytest.mark.parametrize("method", ["ping", "logging/setLevel"])
def test_courtesies_of_a_session_are_answered(method: str) -> None:
    """Clients send them."""
    assert _answer(method, modern_era=False) == (200, {"jsonrpc": "2.0", "id": 1, "result": {}})


def test_a_method_that_the_endpoint_does_not_have_is_told_so() -> None:
    """Tasks and streams are of one app: they go by its own address."""
    assert _answer("subscriptions/listen", modern_era=True)[0] == 404
    assert _answer("tasks/get", modern_era=False)[0] == 200


@pytest.mark.parametrize(
    ("method", "status"), [("GET", 405), ("DELETE", 405), ("notifications/initialized", 202)]
)
def test_what_gets_no_message_gets_a_status(method: str, status: int) -> None:
    """There is no stream, and no session to end."""
    answer = virtual_answer(Exchange(protocol="mcp", method=method, virtual=True), [], "d-1")

    assert answer is not None
    assert (answer.status, answer.body) == (status, b"")


def test_what_belongs_to_an_app_is_not_answered_here() -> None:
    """It goes there."""
    assert virtual_answer(Exchange(protocol="mcp", method="tools/call", id=1, has_id=True), [], "d") is None
