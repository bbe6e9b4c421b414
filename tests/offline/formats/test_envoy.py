"""Envoy's access log: REST calls whole, MCP and gRPC calls as far as the log shows them."""

from authz.core.call import Agent
from authz.core.reason import Reason
from authz.offline.reading import Format
from authz.offline.told import Told
from tests.compiler.world import swapped
from tests.offline.logs import read

RPC = """
---
apiVersion: personas/v1
kind: App
metadata: {name: shipping}
protocol: grpc
tools:
  - {name: GetShipment, match: {method: /shipping.v1.Shipping/GetShipment}, access: read, data: [internal]}
"""
TEXT = (
    swapped(
        "    match: {method: POST",
        "    match: {method: GET",
        swapped("protocol: rest\n", "protocol: rest\nupstream: {hosts: [billing.internal]}\n"),
    )
    + RPC
)


def entry(**fields: object) -> dict[str, object]:
    """An entry of Istio's format."""
    return {
        "start_time": "2026-03-02T10:00:00.123Z",
        "method": "GET",
        "path": "/v1/accounts/A-1/adjustments?amount=3",
        "authority": "billing.internal:8080",
        "response_code": 200,
        "upstream_host": "10.0.0.1:80",
        "bytes_sent": 12,
        "x-persona-agent": "summarizer",
        "x_persona_user": "alice@example.com",
        **fields,
    }


def one(**fields: object) -> Told:
    """The call of an entry."""
    (found,) = read(Format.ENVOY, entry(**fields), text=TEXT)
    assert isinstance(found, Told)
    return found


def test_a_route_is_its_tool_with_the_arguments_of_path_and_query() -> None:
    """As the service itself reads a request."""
    found = one()

    assert (found.app, found.tool, found.args) == (
        "billing",
        "adjust_balance",
        {"account": "A-1", "amount": "3"},
    )
    assert (found.agent, found.user, found.outcome, found.sent) == (
        Agent(id="summarizer"), "alice@example.com", "ok", 12,
    )  # fmt: skip
    assert found.whole


def test_a_request_with_a_body_does_not_show_all_arguments() -> None:
    """The body is in no access log."""
    assert not read(Format.ENVOY, entry(method="POST", bytes_received=9), text=TEXT)[0].whole  # type: ignore[union-attr]  # a call


def test_the_cluster_names_the_app_where_the_host_does_not() -> None:
    """`personas envoy render` names clusters by their app."""
    found = one(
        authority="-", upstream_cluster="shipping", path="/shipping.v1.Shipping/GetShipment", method="POST"
    )

    assert (found.app, found.tool, found.whole) == ("shipping", "GetShipment", False)


def test_an_unknown_route_is_a_call_that_no_definition_names() -> None:
    """It is denied as it would be, and not left out."""
    assert one(path="/v2/secret").tool == "GET /v2/secret"


def test_a_path_that_can_be_read_in_two_ways_is_refused_as_in_service() -> None:
    """The service refuses it before it judges anything."""
    assert one(path="/v1/accounts/..%2fA-1/adjustments").refused in {
        Reason.REQUEST_AMBIGUOUS, Reason.REQUEST_MALFORMED,
    }  # fmt: skip


def test_outcomes_follow_the_status() -> None:
    """As the service reads Envoy's access log."""
    assert one(response_code=404).outcome == "not_found"
    assert one(response_code=403).outcome == "denied"
    assert one(response_code=503, upstream_host="-").outcome == "error"
    assert one(response_code=200, response_code_details="ext_authz_denied").outcome == "denied"
    assert one(response_code=None).outcome is None


def test_an_mcp_call_is_named_by_the_headers_of_the_stateless_era() -> None:
    """`mcp-method` and `mcp-name` are the only words about it in an access log."""
    told = {"authority": "-", "method": "POST", "path": "/mcp", "app": "tickets", "mcp_method": "tools/call"}

    found = one(**told, mcp_name="get_ticket")
    (unnamed,) = read(Format.ENVOY, entry(**told), text=TEXT)

    assert (found.app, found.tool, found.whole) == ("tickets", "get_ticket", False)
    assert isinstance(unnamed, Told)
    assert unnamed.tool == ""
    assert read(Format.ENVOY, entry(**{**told, "mcp_method": "tools/list"}), text=TEXT) == []


def test_a_member_of_another_name_can_be_told() -> None:
    """Access logs are configured by people."""
    (found,) = read(Format.ENVOY, entry(**{"X-Bot": "writer"}), text=TEXT, agent="x-bot")

    assert isinstance(found, Told)
    assert found.agent == Agent(id="writer")
