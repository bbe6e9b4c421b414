"""Names and attributes of spans: OpenTelemetry's own where they exist."""

from dataclasses import replace

import pytest

from authz.audit import decision_record, event_record, span_attributes, span_name
from authz.audit.span import failed
from authz.core.call import Action, Kind
from authz.core.decision import Deny, Objection
from authz.core.reason import Reason
from tests.audit.samples import AT, DENY, DIGESTER, fact, record, stranger


def _acting(action: Action) -> dict[str, object]:
    made = fact(1)
    assert made.call is not None
    return decision_record(replace(made, call=replace(made.call, action=action)), DIGESTER)


REST = Action(protocol="rest", app="billing", name="get_balance", method="GET /v1/accounts/{account}/balance")
GRPC = Action(protocol="grpc", app="shipping", name="GetShipment", method="/shipping.v1.Shipping/GetShipment")
LIST = Action(protocol="mcp", app="crm", name="tools/list", method="tools/list", kind=Kind.SESSION)
FILE = Action(protocol="mcp", app="crm", name="file:///a", method="resources/read", kind=Kind.RESOURCE)
PROMPT = Action(protocol="mcp", app="crm", name="triage", method="prompts/get", kind=Kind.PROMPT)


@pytest.mark.parametrize(
    ("action", "name"),
    [
        (REST, "GET /v1/accounts/{account}/balance"),
        (GRPC, "shipping.v1.Shipping/GetShipment"),
        (LIST, "tools/list"),
        (FILE, "resources/read file:///a"),
        (PROMPT, "prompts/get triage"),
    ],
    ids=["rest", "grpc", "list", "resource", "prompt"],
)
def test_a_span_is_named_by_the_conventions_of_its_protocol(action: Action, name: str) -> None:
    """Back ends group by name: it must not hold arguments."""
    assert span_name(_acting(action)) == name


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (REST, {"http.request.method": "GET", "http.route": "/v1/accounts/{account}/balance"}),
        (GRPC, {"rpc.system.name": "grpc", "rpc.method": "shipping.v1.Shipping/GetShipment"}),
        (LIST, {"mcp.method.name": "tools/list", "mcp.session.id": "s-1"}),
        (FILE, {"mcp.method.name": "resources/read", "mcp.resource.uri": "file:///a"}),
        (PROMPT, {"mcp.method.name": "prompts/get", "gen_ai.prompt.name": "triage"}),
    ],
    ids=["rest", "grpc", "list", "resource", "prompt"],
)
def test_the_action_has_the_attributes_of_its_protocol(action: Action, expected: dict[str, str]) -> None:
    """Dashboards made for MCP, HTTP and gRPC must work on these spans."""
    assert span_attributes(_acting(action)).items() >= expected.items()


def test_what_is_unknown_is_left_out() -> None:
    """An attribute without a value is no attribute."""
    found = span_attributes(decision_record(stranger(1), DIGESTER))

    assert "user.id" not in found
    assert "gen_ai.agent.id" not in found
    assert found["persona.decision"] == "deny"
    assert found["http.request.method"] == "GET"


def test_only_our_own_failures_are_errors() -> None:
    """A deny is the service doing its work."""
    ours = Deny((Objection(Reason.INTERNAL, "x"),))

    assert not failed(record(1, DENY))
    assert failed(record(1, ours))
    assert not failed(event_record("e", AT, "definitions.loaded", {}))
