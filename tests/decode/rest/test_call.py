"""A REST request as one action."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.core.app import App, Match
from authz.core.call import Json, Kind
from authz.core.definitions import Definitions
from authz.core.request import Request
from authz.decode import Decoded, Decoders, Unreadable
from tests.decode.requests import decode, decoded, refused, tool

PATH = "/v1/accounts/A-1/adjustments"
ADJUST = tool(
    "billing",
    "adjust",
    match=Match(method="POST", path="/v1/accounts/{account}/adjustments"),
    target="to.iban",
)
DECODERS = Decoders.of(
    Definitions(apps={"billing": App(name="billing", protocol="rest", tools={"adjust": ADJUST})})
)


def _post(content: bytes, media: str = "application/json", path: str = PATH, **context: str) -> Request:
    return Request(
        method="POST",
        path=path,
        headers={"content-type": media},
        body=content,
        size=len(content),
        context={"app": "billing", **context},
    )


def test_path_query_and_body_are_the_arguments() -> None:
    """All that the app goes by."""
    found = decoded(_post(b'{"amount": 5, "to": {"iban": "DE1"}}', path=f"{PATH}?dry=1"), DECODERS).action

    assert found.args == {"account": "A-1", "amount": 5, "to": {"iban": "DE1"}, "dry": "1"}
    assert (found.name, found.target, found.kind) == ("adjust", "DE1", Kind.TOOL)
    assert found.method == "POST /v1/accounts/{account}/adjustments"


@pytest.mark.parametrize(
    ("media", "body", "args"),
    [
        ("application/merge-patch+json", b'{"a": 1}', {"a": 1}),
        ("application/x-www-form-urlencoded", b"a=1&b=x+y", {"a": "1", "b": "x y"}),
        ("text/plain", b"a=1", {}),
        ("application/json", b"[1]", {}),
        ("", b'{"a": 1}', {}),
    ],
)
def test_the_type_of_the_body_says_how_it_is_read(media: str, body: bytes, args: dict[str, Json]) -> None:
    """What is no object of arguments has none, so that a rule which needs one fails."""
    assert decoded(_post(body, media), DECODERS).action.args == {"account": "A-1", **args}


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/json", b'{"a": 1'),
        ("application/json", b'{"a": 1, "a": 2}'),
        ("application/json", b'{"a": 1, "A": 2}'),
        ("application/json", b'{"account": "A-2"}'),
        ("application/json; charset=latin-1", b"{}"),
        ("application/x-www-form-urlencoded", "a=ä".encode()),
        ("application/x-www-form-urlencoded", b"account=A-2"),
        ("application/x-www-form-urlencoded", b"a=1;b=2"),
    ],
)
def test_a_body_that_could_be_read_in_two_ways_is_refused(media: str, body: bytes) -> None:
    """The app would take another argument than the one judged."""
    refused(_post(body, media), DECODERS)


def test_a_body_that_the_route_does_not_show_gives_no_arguments() -> None:
    """A rule that needs one fails."""
    assert decoded(_post(b'{"amount": 5}', body="none"), DECODERS).action.args == {"account": "A-1"}


def test_a_route_that_no_definition_names_is_read_all_the_same() -> None:
    """The layers refuse it, under a name that tells it apart and is not too long."""
    found = decoded(_post(b"{}", path="/v2/" + "x" * 1000), DECODERS).action

    assert (found.tool, found.method, len(found.name)) == (None, "POST", 256)


@given(
    st.sampled_from(["application/json", "application/x-www-form-urlencoded", "text/x"]),
    st.binary(),
    st.text(),
)
def test_any_body_and_query_are_decoded_or_refused(media: str, body: bytes, query: str) -> None:
    """An exception would be a request that nobody decided."""
    assert isinstance(decode(_post(body, media, f"{PATH}?{query}"), DECODERS), Decoded | Unreadable)
