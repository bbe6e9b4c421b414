"""Envoy's bytes in, Envoy's bytes out."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.core.decision import Effect, Refusal
from authz.core.reason import Reason
from authz.core.request import Request, Source, Trace
from authz.server.pb.base_pb2 import HeaderMap, HeaderValue, HeaderValueOption
from authz.server.pb.ext_authz_pb2 import AttributeContext, CheckRequest, CheckResponse
from authz.server.pb.seen_pb2 import Attributes, Check
from authz.server.wire import Forward, Reply, check_response, read_check, trace_of

names = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
values = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=40)
headers = st.lists(st.tuples(names, values), max_size=5)
outgoing = st.one_of(
    st.builds(Forward, headers, st.lists(names, max_size=3), headers),
    st.builds(Reply, st.integers(200, 599), headers, st.text(max_size=200).map(str.encode)),
)


@given(effect=st.sampled_from(Effect), what=outgoing, decision=values)
def test_no_response_reads_as_ok_unless_the_call_passes_and_is_forwarded(
    effect: Effect, what: Forward | Reply, decision: str
) -> None:
    """Envoy looks at `status.code` alone, and takes a missing one for OK."""
    if isinstance(what, Forward) and not effect.passes:
        with pytest.raises(ValueError, match="forwarded"):
            check_response(effect, what, decision)
        return
    response = CheckResponse.FromString(check_response(effect, what, decision))

    allowed = response.HasField("status") and response.status.code == 0
    assert allowed == isinstance(what, Forward)
    assert response.HasField("denied_response") == isinstance(what, Reply)
    assert response.HasField("status")


@given(what=st.builds(Forward, headers, st.just(()), headers))
def test_every_header_that_is_set_replaces_what_the_client_sent(what: Forward) -> None:
    """The default of `append_action` appends, which would let a client speak beside us."""
    response = CheckResponse.FromString(check_response(Effect.ALLOWED, what, "d"))
    sent = [*response.ok_response.headers, *response.ok_response.response_headers_to_add]

    assert {one.append_action for one in sent} <= {HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD}
    assert len(sent) == len(what.set_headers) + len(what.response_headers)


@given(what=st.builds(Forward, headers, st.lists(names, max_size=3), headers), decision=values)
def test_an_allow_spelled_by_hand_is_what_the_generated_messages_spell(what: Forward, decision: str) -> None:
    """The wire format is written out for speed: the library must read it as its own."""
    expected = CheckResponse()
    expected.status.code = 0
    expected.ok_response.SetInParent()
    for sent, into in (
        (what.set_headers, expected.ok_response.headers),
        (what.response_headers, expected.ok_response.response_headers_to_add),
    ):
        for name, value in sent:
            option = into.add(append_action=HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD)
            option.header.key, option.header.value = name, value
    expected.ok_response.headers_to_remove.extend(what.remove_headers)
    expected.dynamic_metadata.update({"decision": decision})

    assert CheckResponse.FromString(check_response(Effect.ALLOWED, what, decision)) == expected


def check(**http: object) -> bytes:
    """A CheckRequest with these fields of `HttpRequest`."""
    request = AttributeContext.Request(http=AttributeContext.HttpRequest(**http))  # type: ignore[arg-type]
    return CheckRequest(attributes=AttributeContext(request=request)).SerializeToString()


def test_raw_headers_that_are_repeated_are_told_apart() -> None:
    """CVE-2021-32777: who sees only the last of two headers judges another request than the app gets."""
    sent = [("Authorization", b"Bearer a"), ("x-one", b"1"), ("authorization", b"Bearer b")]
    header_map = HeaderMap(headers=[HeaderValue(key=name, raw_value=value) for name, value in sent])

    request = read_check(check(header_map=header_map), {})

    assert request.repeated == {"authorization"}
    assert request.headers == {"authorization": "Bearer a,Bearer b", "x-one": "1"}


def test_bytes_that_are_no_utf8_survive_in_raw_headers() -> None:
    """Dropping or replacing them would let two different values look the same."""
    header_map = HeaderMap(headers=[HeaderValue(key="x-one", raw_value=b"\xff\x00")])

    assert read_check(check(header_map=header_map), {}).headers == {"x-one": "\xff\x00"}


def test_headers_in_both_forms_are_ambiguous() -> None:
    """Envoy sends one form; whoever sends two could be read in two ways."""
    with pytest.raises(Refusal) as refused:
        read_check(
            check(headers={"a": "1"}, header_map=HeaderMap(headers=[HeaderValue(key="a", value="2")])), {}
        )

    assert refused.value.objection.reason is Reason.REQUEST_AMBIGUOUS


def test_headers_that_came_before_are_read_as_when_they_were_new() -> None:
    """Known headers are found by their bytes: every form of a header must come out alike, each time."""
    sent = [("Accept", b"a/b"), ("X-Long", b"x" * 400), ("x-request-id", b"7"), ("x-empty", b"")]
    message = check(header_map=HeaderMap(headers=[HeaderValue(key=one, raw_value=two) for one, two in sent]))

    first, second = read_check(message, {}), read_check(message, {})

    assert first == second
    assert first.headers == {"accept": "a/b", "x-long": "x" * 400, "x-request-id": "7", "x-empty": ""}


def test_a_message_in_pieces_is_read_as_if_it_were_whole() -> None:
    """Protobuf merges a field that stands twice; who took the last piece alone would see another peer."""
    one, two = (
        AttributeContext(context_extensions={"app": "a"}),
        AttributeContext(context_extensions={"b": "c"}),
    )
    one.source.principal = "spiffe://example.org/agent"
    two.source.address.socket_address.address = "192.0.2.7"
    pieces = [CheckRequest(attributes=piece).SerializeToString() for piece in (one, two)]

    request = read_check(b"".join(pieces), {})

    assert request.source == Source(address="192.0.2.7", principal="spiffe://example.org/agent")
    assert request.context == {"app": "a", "b": "c"}


def test_a_header_that_is_no_header_makes_the_message_malformed() -> None:
    """Parts are read apart from the whole: what is wrong in one of them must not pass for absent."""
    broken = Check(attributes=Attributes(source=[b"\x0a\xff"]))
    unreadable = Check()
    unreadable.attributes.request.http.header_map.headers.append(b"\x0a\x02\xff\xfe")

    for message in (broken, unreadable):
        with pytest.raises(Refusal) as refused:
            read_check(message.SerializeToString(), {})
        assert refused.value.objection.reason is Reason.REQUEST_MALFORMED


@given(st.binary(max_size=300))
def test_any_bytes_give_a_request_or_a_refusal(message: bytes) -> None:
    """Whatever reaches the port, nothing but a `Refusal` is raised."""
    with contextlib.suppress(Refusal):
        assert isinstance(read_check(message, {}), Request)


def test_an_empty_check_is_a_request_without_anything() -> None:
    """An empty message is valid protobuf: later steps must find no credential in it."""
    request = read_check(b"", {})

    assert (request.method, request.path, request.headers, request.body) == ("", "", {}, b"")


@pytest.mark.parametrize(
    ("traceparent", "expected"),
    [
        ("00-" + "a" * 32 + "-" + "b" * 16 + "-01", Trace(trace_id="a" * 32, parent="b" * 16)),
        ("00-" + "a" * 32 + "-" + "b" * 16 + "-00", Trace(trace_id="a" * 32, parent="b" * 16, sampled=False)),
        ("cc-" + "a" * 32 + "-" + "b" * 16 + "-01-later", Trace(trace_id="a" * 32, parent="b" * 16)),
        ("ff-" + "a" * 32 + "-" + "b" * 16 + "-01", None),
        ("00-" + "0" * 32 + "-" + "b" * 16 + "-01", None),
        ("00-" + "a" * 32 + "-" + "0" * 16 + "-01", None),
        ("00-" + "A" * 32 + "-" + "b" * 16 + "-01", None),
        ("", None),
    ],
)
def test_a_trace_is_read_as_the_standard_says(traceparent: str, expected: Trace | None) -> None:
    """W3C Trace Context section 3.2: a wrong one is no trace, never an error."""
    assert trace_of(traceparent) == expected
