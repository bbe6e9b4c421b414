"""Names and resource addresses."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.core.decision import Refusal
from authz.decode.mcp.uris import Patterns, refuse_odd_name, refuse_odd_uri
from tests.decode.requests import tool


@pytest.mark.parametrize("name", ["search", "get-ticket", "a.b/c:d", "crm__search", "x" * 1024])
def test_usual_names_pass(name: str) -> None:
    """All that the specification recommends, and some more."""
    refuse_odd_name(name)


@pytest.mark.parametrize("name", ["", " a", "a b", "a\x00", "a\n", "\uff41", "\u0430", "x" * 1025, "a\x7f"])
def test_odd_names_are_refused(name: str) -> None:
    """Two names that look alike are one name."""
    with pytest.raises(Refusal):
        refuse_odd_name(name)


@pytest.mark.parametrize(
    "uri",
    [
        "file:///reports/q3.md",
        "https://a.example/b?c=%2f..",
        "test://template/{id}/data",
        "urn:isbn:1",
        "file:///a..b",
    ],
)
def test_usual_addresses_pass(uri: str) -> None:
    """Dots within a name are no way up."""
    refuse_odd_uri(uri)


@pytest.mark.parametrize(
    "uri",
    [
        "file:///a/../b",
        "file:///a/./b",
        "file:///a/%2e%2e/b",
        "file:///a%2Fb",
        "file:///a\\b",
        "file:///a%00",
        "../b",
        "a/..",
    ],
)
def test_addresses_that_climb_or_hide_are_refused(uri: str) -> None:
    """A pattern would cover what it does not mean."""
    with pytest.raises(Refusal):
        refuse_odd_uri(uri)


@given(st.lists(st.text("ab*", max_size=6), max_size=4), st.text("ab", max_size=12))
def test_a_pattern_covers_what_its_regular_expression_would(patterns: list[str], uri: str) -> None:
    """The linear matcher is the same as the obvious one."""
    found = Patterns([tool("crm", one) for one in patterns]).find(uri)
    covering = [one for one in patterns if re.fullmatch(re.escape(one).replace(r"\*", ".*"), uri)]

    assert (found is None) == (not covering)
    if found is not None:
        assert len(found.name.replace("*", "")) == max(len(one.replace("*", "")) for one in covering)
