"""The way from a request to its app."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.core.reason import Reason
from authz.core.request import Request
from authz.decode import Decoded, Decoders, Unreadable
from tests.decode.requests import DECODERS, apps, decode, decoded, message, post, refused

BY_HOST = Decoders.of(apps(), app_from_host=True)
SEARCH = message("tools/call", {"name": "search", "arguments": {"query": "x"}})


def test_the_route_names_the_app() -> None:
    """The operator's word comes first."""
    assert decoded(post(SEARCH)).action.app == "crm"


def test_the_host_names_no_app_unless_told_so() -> None:
    """The host is the client's word."""
    request = Request(method="GET", path="/v1/accounts/A/balance", host="billing.internal")

    assert decoded(request).action.app is None
    assert decoded(request, BY_HOST).action.app == "billing"


@pytest.mark.parametrize(
    "host", ["BILLING.internal", "billing.internal.", "billing.internal:8443", "billing.internal.:1"]
)
def test_a_host_is_compared_without_case_port_and_trailing_dot(host: str) -> None:
    """All of these are one host."""
    request = Request(method="GET", path="/v1/accounts/A/balance", host=host)

    assert decoded(request, BY_HOST).action.app == "billing"


def test_a_host_that_two_apps_list_names_none() -> None:
    """Nothing says which one is meant."""
    assert BY_HOST.route(Request(host="shared.internal")).app is None


@pytest.mark.parametrize("decoders", [DECODERS, BY_HOST])
def test_a_host_of_another_app_than_the_route_is_refused(decoders: Decoders) -> None:
    """Route and host disagree: the app may go by the host."""
    request = Request(method="GET", path="/v1/x", host="crm.internal", context={"app": "billing"})

    assert refused(request, decoders).refusal.objection.reason is Reason.REQUEST_AMBIGUOUS


def test_an_app_that_no_definition_names_is_read_as_what_the_client_speaks() -> None:
    """So that the client can read the refusal that the layers give."""
    grpc = Request(method="POST", path="/a.B/C", headers={"content-type": "application/grpc"})
    mcp = post(SEARCH, {"content-type": "application/json", "mcp-session-id": "s"}, app="nowhere")

    assert decoded(grpc).exchange.protocol == "grpc"
    assert (decoded(mcp).exchange.id, decoded(mcp).action.tool) == (1, None)


def test_a_route_that_is_virtual_and_names_an_app_is_refused() -> None:
    """Two ways that disagree."""
    found = refused(post(SEARCH, endpoint="virtual"))

    assert (found.refusal.objection.reason, found.exchange.protocol) == (Reason.REQUEST_AMBIGUOUS, "mcp")


def test_on_the_virtual_endpoint_the_host_may_not_be_that_of_another_app() -> None:
    """As everywhere."""
    body = message("tools/call", {"name": "crm__search", "arguments": {}})
    request = Request(
        method="POST", path="/mcp", host="billing.internal", body=body, context={"endpoint": "virtual"}
    )

    assert refused(request).refusal.objection.reason is Reason.REQUEST_AMBIGUOUS


PATHS = ["/mcp", "/v1/accounts/a/balance?x=%41", "/shipping.v1.Shipping/GetShipment"]
NAMES = ["content-type", "mcp-method", "mcp-name", "mcp-protocol-version", "connection", "content-length"]
VALUES = ["application/json", "application/grpc", "2026-07-28", "tools/call"]
anything = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST", "DELETE", "PUT", ""]) | st.text(max_size=8),
    path=st.text(max_size=40)
    | st.sampled_from(["/mcp", "/v1/accounts/a/balance?x=%41", "/shipping.v1.Shipping/GetShipment"]),
    host=st.text(max_size=10),
    headers=st.dictionaries(
        st.sampled_from(
            ["content-type", "mcp-method", "mcp-name", "mcp-protocol-version", "connection", "content-length"]
        ),
        st.sampled_from(["application/json", "application/grpc", "2026-07-28", "tools/call"])
        | st.text(max_size=8),
    ),
    body=st.binary(max_size=64) | st.sampled_from([SEARCH, b"[]", b'{"jsonrpc":"2.0"}']),
    size=st.integers(-1, 200),
    context=st.dictionaries(
        st.sampled_from(["app", "endpoint", "body", "max_request_bytes"]),
        st.sampled_from(["crm", "billing", "shipping", "virtual", "none", "64"]),
    ),
)


@settings(max_examples=500)
@given(anything)
def test_any_request_is_decoded_or_refused(request: Request) -> None:
    """Nothing else leaves this room: an exception would be a request that nobody decided."""
    found = decode(request)

    assert isinstance(found, Decoded | Unreadable)
    assert decode(request) == found or isinstance(found, Unreadable)
