"""The spans that are written by hand are read back by the official messages."""

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from authz.export import protobuf
from tests.export.receivers import attributes

values = st.dictionaries(
    st.text(min_size=1, max_size=30),
    st.text(max_size=300)
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.lists(st.text(max_size=20), min_size=1, max_size=3),
    max_size=8,
)


@given(
    trace_id=st.binary(min_size=16, max_size=16),
    span_id=st.binary(min_size=8, max_size=8),
    parent=st.just(b"") | st.binary(min_size=8, max_size=8),
    name=st.text(max_size=300),
    start=st.integers(0, 2**63),
    given_values=values,
    failed=st.booleans(),
)
def test_any_span_is_read_back_as_it_was_meant(  # noqa: PLR0913 - the fields of a span
    *,
    trace_id: bytes,
    span_id: bytes,
    parent: bytes,
    name: str,
    start: int,
    given_values: dict[str, object],
    failed: bool,
) -> None:
    """A receiver drops what it cannot parse, and with it the evidence."""
    one = protobuf.span(
        trace_id=trace_id,
        span_id=span_id,
        parent=parent,
        name=name,
        start=start,
        end=start + 5,
        values=given_values,
        failed=failed,
    )
    request = ExportTraceServiceRequest.FromString(
        protobuf.resource_spans({"service.name": "x", "n": 3}, ("scope", "1"), [one, one])
    )

    (resource,) = request.resource_spans
    (scope,) = resource.scope_spans
    assert (scope.scope.name, scope.scope.version) == ("scope", "1")
    assert [item.key for item in resource.resource.attributes] == ["service.name", "n"]
    for found in scope.spans:
        assert (found.trace_id, found.span_id, found.parent_span_id) == (trace_id, span_id, parent)
        assert (found.name, found.kind) == (name, Span.SPAN_KIND_SERVER)
        assert (found.start_time_unix_nano, found.end_time_unix_nano) == (start, start + 5)
        assert found.status.code == (2 if failed else 0)
        assert found.flags & 1
        assert attributes(found) == given_values
