"""Patterns with `*` and `?`: whole text, and never slow."""

import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.compiler.globs import Names, any_glob, example, glob, is_glob

PATTERNS = st.text("ab*?.", max_size=6)
TEXTS = st.text("ab.", max_size=6)


@given(PATTERNS, TEXTS)
def test_a_pattern_means_what_a_shell_means(pattern: str, text: str) -> None:
    """Nothing but `*` and `?` is special."""
    assert glob(pattern)(text) == fnmatch.fnmatchcase(text, pattern)


@pytest.mark.parametrize("text", ["[a]", "a.b", "a+b", "(a|b)", "a\\d", "^a$", "a\nb", "ä", "{a}"])
def test_other_characters_stand_for_themselves(text: str) -> None:
    """A name of a tool is no regular expression."""
    assert glob(f"?{text[1:]}*")(text)
    assert not glob(f"*x{text}")(text)


def test_a_pattern_full_of_stars_takes_no_longer() -> None:
    """Values are the attacker's: matching must be linear."""
    test = glob("*a" * 30 + "b")
    before = time.process_time()

    assert not test("a" * 100_000)
    assert time.process_time() - before < 1


def test_any_of_none_matches_nothing() -> None:
    """An empty list admits nobody."""
    assert not any_glob([])("")
    assert any_glob(["a", "b*"])("bc")


@given(st.text("ab*?-", min_size=1, max_size=8))
def test_an_example_is_of_its_pattern(pattern: str) -> None:
    """It stands for an agent's model when a case names none."""
    assert glob(pattern)(example(pattern))


@given(st.lists(st.text("ab", min_size=1, max_size=4)), PATTERNS)
def test_many_names_are_searched_as_one_by_one(names: list[str], pattern: str) -> None:
    """The index is only a short cut."""
    assert Names.of(names).matching(pattern) == {one for one in names if fnmatch.fnmatchcase(one, pattern)}
    assert is_glob(pattern) == ("*" in pattern or "?" in pattern)
