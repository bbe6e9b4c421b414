"""Whatever a log holds, a reader gives calls or says that the line is none: it never stops the replay."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.offline.judging import Judge
from authz.offline.reading import Format, reader_of
from authz.offline.told import BadLineError, Ended, Told
from tests.compiler.world import compiled

SPAN = [
    "attributes",
    "key",
    "value",
    "stringValue",
    "intValue",
    "arrayValue",
    "kvlistValue",
    "values",
    "spanId",
]
OTLP = ["resourceSpans", "resource", "scopeSpans", "spans", "startTimeUnixNano", "status", "parentSpanId"]
CALL = ["at", "agent", "user", "persona", "session", "app", "tool", "args", "outcome", "id", "model"]
TRAIL = ["kind", "action", "decision", "effect", "reasons", "code", "bytes", "sent", "target", "args_digest"]
LITELLM = [
    "call_type",
    "metadata",
    "mcp_tool_call_metadata",
    "name",
    "arguments",
    "mcp_server_name",
    "startTime",
]
AUDIT = ["timestamp", "resource_type", "resource_name", "context", "details", "success", "user_email"]
ENVOY = ["method", "path", "authority", "start_time", "response_code", "upstream_host", "mcp_method"]
KEYS = st.sampled_from([*SPAN, *OTLP, *CALL, *TRAIL, *LITELLM, *AUDIT, *ENVOY])
NAMES = ["gen_ai.tool.name", "gen_ai.operation.name", "execute_tool", "get_ticket", "tickets", "support"]
KINDS = ["decision", "outcome", "tool", "session", "EXECUTE", "GET", "POST", "call_mcp_tool", "tools/call"]
WORDS = st.sampled_from(
    [*NAMES, *KINDS, "2026-03-02T10:00:00Z", "/v1/accounts/A-1/adjustments", "{}", '{"a": 1}']
)
INTEGERS = st.integers(-(2**63), 2**64 - 1)
"""What JSON is read into; larger ones become fractions."""
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    INTEGERS,
    st.floats(),
    WORDS,
    st.text(st.characters(codec="utf-8"), max_size=9),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=8),
    max_leaves=25,
)
MADE = compiled()


@pytest.mark.parametrize("form", Format)
@settings(max_examples=60, deadline=None)
@given(value=VALUES | st.dictionaries(KEYS, VALUES, min_size=3, max_size=12))
def test_any_json_gives_calls_or_a_bad_line(form: Format, value: object) -> None:
    """And any call gives a verdict."""
    try:
        found = list(reader_of(form, MADE.definitions, {}).read(value))
    except BadLineError:
        return
    judge = Judge(MADE)
    for one in found:
        if isinstance(one, Told):
            assert judge.decide(one).told is one
        else:
            assert isinstance(one, Ended)


@settings(max_examples=150, deadline=None)
@given(attributes=st.dictionaries(KEYS, VALUES, max_size=4), start=VALUES, named=VALUES)
def test_any_span_gives_a_call_or_a_bad_line(
    attributes: dict[str, object], start: object, named: object
) -> None:
    """Spans of a tool call with anything in them."""
    told = [{"key": "gen_ai.tool.name", "value": {"stringValue": "get_ticket"}}]
    told += [{"key": key, "value": value} for key, value in attributes.items()]  # type: ignore[dict-item]  # anything
    told.append({"key": "gen_ai.tool.call.arguments", "value": {"kvlistValue": named}})
    span = {"spanId": named, "startTimeUnixNano": start, "attributes": told}
    try:
        list(
            reader_of(Format.OTLP, MADE.definitions, {}).read(
                {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
            )
        )
    except BadLineError:
        return
