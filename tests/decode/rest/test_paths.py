"""Request targets, and what two servers could read differently."""

import contextlib
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.core.decision import Refusal
from authz.decode.rest.paths import form_arguments, query_arguments, segments

plain = st.text(st.characters(categories=["L", "N"], include_characters="-_.~ @"), min_size=1).filter(
    lambda text: text.isprintable() and text not in {".", ".."}
)


@given(st.lists(plain, min_size=1, max_size=8))
def test_segments_are_decoded_once(steps: list[str]) -> None:
    """What was escaped for the wire is what the rules see."""
    assert segments("/" + "/".join(quote(step, safe="@") for step in steps)) == tuple(steps)


@given(st.text())
def test_any_path_is_segments_or_a_refusal(path: str) -> None:
    """And no segment climbs, is empty, or holds what cannot be seen."""
    try:
        found = segments(path)
    except Refusal:
        return
    assert all(step not in {"", ".", ".."} and step.isprintable() and "/" not in step for step in found)


def test_a_path_of_too_many_segments_is_refused() -> None:
    """The trie walks it."""
    assert len(segments("/a" * 64)) == 64
    with pytest.raises(Refusal):
        segments("/a" * 65)


def test_the_root_has_no_segments() -> None:
    """Some apps serve there."""
    assert segments("/") == ()


@given(st.dictionaries(plain, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00;"))))
def test_a_form_is_read_as_it_was_written(fields: dict[str, str]) -> None:
    """By the writer of the standard library."""
    assert form_arguments(urlencode(fields)) == fields


def test_a_name_that_comes_more_than_once_has_a_list() -> None:
    """A rule about a scalar then fails: which of them the app takes is not known."""
    assert query_arguments("a=1&b=2&a=3&a=4") == {"a": ["1", "3", "4"], "b": "2"}


@pytest.mark.parametrize(
    "query", ["a=1;b=2", "a=%00", "a=%c0%af", "a=%u0041", "a=%zz", "a=%", "a=%ff", "a=ä", "%0a=1", "a=1#x"]
)
def test_a_query_that_servers_read_differently_is_refused(query: str) -> None:
    """The app would take another argument than the one judged."""
    with pytest.raises(Refusal):
        query_arguments(query)


@given(st.text())
def test_any_query_is_arguments_or_a_refusal(query: str) -> None:
    """No other exception leaves."""
    with contextlib.suppress(Refusal):
        query_arguments(query)
