"""Whatever a log holds, a reader gives calls or says that the line is none: it never stops the replay."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.offline.judging import Judge
from authz.offline.reading import Format, reader_of
from authz.offline.told import BadLineError, Ended, Told
from tests.compiler.world import compiled

KEYS = st.sampled_from(
    "at agent user persona session app tool args outcome id model kind action decision effect reasons code bytes "
    "sent target args_digest resourceSpans resource scopeSpans spans attributes key value stringValue intValue "
    "arrayValue kvlistValue values spanId parentSpanId startTimeUnixNano gen_ai.tool.name gen_ai.operation.name "
    "mcp.method.name status call_type metadata mcp_tool_call_metadata name arguments mcp_server_name startTime "
    "timestamp resource_type resource_name context details success method path authority start_time "
    "response_code upstream_host user_email".split()
)
WORDS = st.sampled_from(
    ["decision", "outcome", "tool", "session", "get_ticket", "tickets", "tools/call", "execute_tool", "EXECUTE", "GET",
     "POST", "call_mcp_tool", "2026-03-02T10:00:00Z", "/v1/accounts/A-1/adjustments", "support", "{}", '{"a": 1}', "-"]
)  # fmt: skip
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
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
@settings(max_examples=300, deadline=None)
@given(value=VALUES | st.dictionaries(KEYS, VALUES, min_size=3, max_size=12))
def test_any_json_gives_calls_or_a_bad_line(form: Format, value: object) -> None:
    """And any call gives a verdict."""
    try:
        found = list(reader_of(form, MADE.definitions, {}).read(value))
    except BadLineError as error:
        assert "\n" not in str(error)
        return
    judge = Judge(MADE)
    for one in found:
        if isinstance(one, Told):
            assert judge.decide(one).told is one
        else:
            assert isinstance(one, Ended)
