"""An MCP request as one action."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.core.call import Json, Kind
from authz.core.request import Request
from authz.decode import Decoded, Unreadable
from tests.decode.requests import JSON, META, decode, decoded, message, post, refused, stateless
from tests.decode.test_strictjson import values


def test_a_call_carries_name_arguments_and_target() -> None:
    """All that the layers judge."""
    found = decoded(post(message("tools/call", {"name": "search", "arguments": {"query": "acme", "n": 3}})))

    assert (found.action.name, found.action.kind, found.action.method) == ("search", Kind.TOOL, "tools/call")
    assert (found.action.args, found.action.target) == ({"query": "acme", "n": 3}, "acme")
    assert found.action.tool is not None


def test_a_tool_that_no_definition_names_is_read_all_the_same() -> None:
    """The layers refuse it, and count it."""
    found = decoded(post(message("tools/call", {"name": "drop_all", "arguments": {"x": 1}})))

    assert (found.action.name, found.action.tool, found.action.args) == ("drop_all", None, {"x": 1})


def test_the_particular_pattern_of_a_resource_wins() -> None:
    """It may carry other classes of data."""
    found = decoded(post(message("resources/read", {"uri": "file:///reports/secret/a"})))

    assert found.action.tool is not None
    assert found.action.tool.name == "file:///reports/secret/*"


@pytest.mark.parametrize("method", ["resources/read", "resources/subscribe", "resources/unsubscribe"])
def test_resources_need_what_their_pattern_needs(method: str) -> None:
    """Watching a resource is reading it."""
    found = decoded(post(message(method, {"uri": "file:///reports/a"})))

    assert (found.action.kind, found.action.target) == (Kind.RESOURCE, "file:///reports/a")


def test_a_stream_of_changes_of_resources_is_governed_as_reading_them() -> None:
    """A stream without resources is any session's business."""
    method = "subscriptions/listen"
    some: Json = {
        "_meta": META,
        "notifications": {"resourceSubscriptions": ["file:///reports/a", "file:///reports/b"]},
    }
    none: Json = {"_meta": META, "notifications": {"toolsListChanged": True}}

    assert decoded(post(message(method, some), stateless(method))).action.kind is Kind.RESOURCE
    assert decoded(post(message(method, none), stateless(method))).action.kind is Kind.SESSION


@pytest.mark.parametrize(
    "params",
    [
        None,
        {"ref": "triage"},
        {"ref": {"type": "ref/prompt"}},
        {"ref": {"type": "ref/prompt", "name": "triage", "uri": "file:///x"}},
        {"ref": {"type": "ref/prompt", "name": "triage", "URI": "file:///x"}},
    ],
)
def test_a_completion_that_names_nothing_for_sure_is_refused(params: Json) -> None:
    """It is governed as what it names."""
    refused(post(message("completion/complete", params)))


def test_completion_of_a_resource_template_is_governed_as_the_resource() -> None:
    """Its values tell what there is."""
    params: Json = {"ref": {"type": "ref/resource", "uri": "file:///reports/{name}"}}

    assert decoded(post(message("completion/complete", params))).action.kind is Kind.RESOURCE


def test_the_session_is_that_of_the_header_and_only_in_its_era() -> None:
    """From 2026-07-28 the header is ignored."""
    listing = message("tools/list")
    assert decoded(post(listing, {**JSON, "mcp-session-id": "s-1"})).session == "s-1"

    params: Json = {"_meta": META}
    headers = {**stateless("tools/list"), "mcp-session-id": "s-1"}
    assert decoded(post(message("tools/list", params), headers)).session is None


def test_a_refusal_echoes_the_id_that_could_be_read() -> None:
    """The client must know which of its requests is meant."""
    assert refused(post(message("tools/call", {"name": 1}, id="r-7"))).exchange.id == "r-7"
    assert refused(post(message("tools/call", {"name": 1}, id=None))).exchange.id is None


def test_a_method_that_nobody_knows_is_no_error_of_reading() -> None:
    """It is denied by the layers, and answered as an unknown method."""
    found = decoded(post(message("tools/burn")))

    assert (found.action.kind, found.exchange.known, found.exchange.has_id) == (Kind.UNKNOWN, False, True)


@pytest.mark.parametrize("kind", ["GET", "DELETE"])
def test_a_request_without_a_message_is_of_the_session(kind: str) -> None:
    """It opens a stream, or ends the session."""
    request = Request(method=kind, path="/mcp", headers={"mcp-session-id": "s"}, context={"app": "crm"})
    found = decoded(request)

    assert (found.action.kind, found.action.name, found.session, found.exchange.has_id) == (
        Kind.SESSION,
        kind,
        "s",
        False,
    )


@given(
    st.dictionaries(st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error", "Id"]), values)
)
def test_any_message_is_decoded_or_refused(body: dict[str, Json]) -> None:
    """An exception would be a message that nobody decided."""
    assert isinstance(decode(post(orjson.dumps({"jsonrpc": "2.0", **body}))), Decoded | Unreadable)


@given(
    st.sampled_from(
        ["tools/call", "resources/read", "completion/complete", "subscriptions/listen", "tasks/get"]
    ),
    st.dictionaries(
        st.sampled_from(["name", "arguments", "uri", "ref", "notifications", "_meta", "taskId", "requestId"]),
        values | st.dictionaries(st.sampled_from(["type", "name", "uri", "resourceSubscriptions"]), values),
    ),
)
def test_any_params_are_decoded_or_refused(method: str, params: dict[str, Json]) -> None:
    """The agent writes them."""
    assert isinstance(decode(post(message(method, params))), Decoded | Unreadable)
