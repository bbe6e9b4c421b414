"""OTLP as JSON: spans of tool calls under the names that exporters and gateways use."""

from authz.core.call import Agent
from authz.offline.reading import Format
from authz.offline.told import Told
from tests.offline.logs import read


def span(identity: str = "s1", parent: str = "", **attributes: object) -> dict[str, object]:
    """A span with attributes; `__` stands for a dot."""
    kinds = {str: "stringValue", int: "intValue", bool: "boolValue"}
    return {
        "spanId": identity,
        "parentSpanId": parent,
        "name": "tools/call",
        "startTimeUnixNano": "1772445600000000000",
        "attributes": [
            {"key": name.replace("__", "."), "value": {kinds[type(value)]: value}}
            for name, value in attributes.items()
        ],
    }


def request(*spans: object) -> dict[str, object]:
    """An export request, one line of the collector's file exporter."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "gateway"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": list(spans)}]}]}


def calls(*spans: object) -> list[Told]:
    """The calls of a request."""
    return [one for one in read(Format.OTLP, request(*spans)) if isinstance(one, Told)]


def test_an_execute_tool_span_is_a_call_with_its_arguments() -> None:
    """OpenTelemetry's GenAI conventions."""
    (found,) = calls(
        span(
            gen_ai__operation__name="execute_tool",
            gen_ai__tool__name="get_ticket",
            gen_ai__tool__call__arguments='{"ticket": "T-1"}',
            gen_ai__agent__id="summarizer",
            gen_ai__request__model="claude-x",
            user__id="alice@example.com",
        )
    )

    assert (found.app, found.tool, found.args, found.whole) == (
        "tickets",
        "get_ticket",
        {"ticket": "T-1"},
        True,
    )
    assert (found.agent, found.user) == (Agent(id="summarizer", model="claude-x"), "alice@example.com")
    assert f"{found.at}" == "2026-03-02 10:00:00+00:00"
    assert found.outcome == "ok"


def test_the_names_of_gateways_are_known() -> None:
    """agentgateway, ToolHive, FastMCP, Kuadrant and Pomerium each say it their own way."""
    found = calls(
        span("1", mcp__method__name="tools/call", gen_ai__tool__name="get_ticket", mcp__target="tickets"),
        span("2", mcp__method__name="tools/call", mcp__tool__name="get_ticket", mcp__server__name="tickets",
             mcp__tool__arguments='{"ticket": "T-1"}'),
        span("3", mcp__method__name="tools/call", gen_ai__tool__name="get_ticket",
             fastmcp__server__name="tickets"),
        span("4", mcp__method="tools/call", mcp__tool="tickets__get_ticket"),
    )  # fmt: skip

    assert [(one.app, one.tool) for one in found] == [("tickets", "get_ticket")] * 4
    assert [one.whole for one in found] == [False, True, False, False]


def test_other_spans_are_no_calls() -> None:
    """A trace is full of them."""
    assert calls(span(http__request__method="GET"), span(mcp__method__name="tools/list")) == []
    assert calls(span(gen_ai__operation__name="chat", gen_ai__tool__name="x")) == []


def test_client_and_server_tell_of_one_call_once() -> None:
    """Counted twice, every limit would be reached at half."""
    told = {"gen_ai__operation__name": "execute_tool", "gen_ai__tool__name": "get_ticket"}

    assert len(calls(span("1", **told), span("2", parent="1", **told), span("3", **told))) == 2


def test_how_a_span_ended_is_the_outcome() -> None:
    """Codes of HTTP and JSON-RPC, and the status."""
    told = {"mcp__method__name": "tools/call", "gen_ai__tool__name": "get_ticket"}
    found = calls(
        span("1", **told, rpc__response__status_code="-32601"),
        span("2", **told, error__type="tool_error"),
        span("3", **told, persona__effect="denied"),
        {**span("4", **told), "status": {"code": 2}},
        span("5", **told, http__response__status_code=403),
    )

    assert [one.outcome for one in found] == ["not_found", "error", "denied", "error", "denied"]
