"""The HTTP around a message."""

import pytest

from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import Request
from authz.decode.envelope import body_shown, inspect, media_type, refuse_body


def _reason(**parts: object) -> Reason | None:
    try:
        inspect(Request(**parts))  # type: ignore[arg-type]  # any field
    except Refusal as refusal:
        return refusal.objection.reason
    return None


def test_an_ordinary_request_has_nothing_to_note() -> None:
    """Most requests are."""
    headers = {"content-length": "2", "connection": "keep-alive, TE", "te": "trailers", "accept": "a, b"}

    assert inspect(Request(method="POST", headers=headers, body=b"{}", size=2)) == ()


@pytest.mark.parametrize("name", ["content-type", "authorization", "mcp-param-region", "host"])
def test_a_single_valued_header_that_came_twice_is_refused(name: str) -> None:
    """First-copy and last-copy readers would differ."""
    assert _reason(headers={name: "a"}, repeated=frozenset({name})) is Reason.REQUEST_AMBIGUOUS


def test_a_header_that_may_repeat_may_repeat() -> None:
    """Proxies repeat `accept` and `via`."""
    assert _reason(headers={"accept": "a,b"}, repeated=frozenset({"accept"})) is None


def test_two_hosts_are_refused() -> None:
    """Envoy joins them."""
    assert _reason(host="a.example,b.example") is Reason.REQUEST_AMBIGUOUS


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"size": 3, "body": b"ab"}, Reason.REQUEST_TRUNCATED),
        ({"size": 3, "body": b"", "context": {"body": "none"}}, None),
        ({"headers": {"content-length": "3"}, "context": {"body": "none"}}, None),
        ({"headers": {"content-length": "3"}, "body": b"ab"}, Reason.REQUEST_TRUNCATED),
        ({"headers": {"content-length": "٣"}, "body": b"abc"}, Reason.REQUEST_MALFORMED),
        ({"body": b"ab", "context": {"max_request_bytes": "2"}}, Reason.REQUEST_TRUNCATED),
        ({"body": b"ab", "context": {"max_request_bytes": "3"}}, None),
        ({"body": b"ab", "context": {"max_request_bytes": "many"}}, Reason.REQUEST_TRUNCATED),
        ({"headers": {"x-envoy-auth-partial-body": "false"}, "body": b"ab", "size": 2}, None),
        ({"headers": {"transfer-encoding": "gzip"}}, Reason.REQUEST_UNSUPPORTED),
        ({"headers": {"content-encoding": "br"}}, Reason.REQUEST_UNSUPPORTED),
        ({"headers": {"connection": "close, authorization"}}, Reason.REQUEST_UNSUPPORTED),
        ({"method": "CONNECT"}, Reason.REQUEST_UNSUPPORTED),
    ],
)
def test_a_body_that_may_not_be_all_of_it_is_refused(parts: dict[str, object], reason: Reason | None) -> None:
    """Envoy may show a part even when told not to, and its own flag may lie."""
    assert _reason(**parts) is reason


@pytest.mark.parametrize(
    "parts",
    [
        {"body": b"x"},
        {"size": 1},
        {"headers": {"content-length": "1"}},
        {"headers": {"transfer-encoding": "chunked"}},
    ],
)
def test_every_sign_of_a_body_counts_where_none_may_be(parts: dict[str, object]) -> None:
    """Some apps read a body on GET."""
    with pytest.raises(Refusal):
        refuse_body(Request(method="GET", **parts))  # type: ignore[arg-type]  # any field


def test_the_route_says_whether_bodies_are_shown() -> None:
    """`body: none` is the operator's word."""
    assert body_shown(Request())
    assert not body_shown(Request(context={"body": "none"}))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("", ""),
        ("Application/JSON", "application/json"),
        ('application/json;charset="UTF-8"', "application/json"),
    ],
)
def test_a_media_type_is_read_without_its_parameters(written: str, read: str) -> None:
    """Letter case has no meaning in it."""
    assert media_type(written) == read


def test_a_charset_other_than_utf_8_is_refused() -> None:
    """A reader that believes the label would read another text."""
    with pytest.raises(Refusal):
        media_type("application/json; boundary=x; Charset=iso-8859-1")
