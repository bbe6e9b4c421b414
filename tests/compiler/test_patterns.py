"""RE2: whole texts, linear time."""

import time

import pytest

from authz.compiler.patterns import PatternError, whole


def test_a_pattern_matches_from_end_to_end() -> None:
    """A match somewhere inside is no match; and `$` before a newline is not the end."""
    test = whole("[a-z]+")

    assert [test(one) for one in ("abc", "abc\n", " abc", "ABC", "")] == [True, False, False, False, False]


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "a{2000}", "[z-a]"])
def test_what_re2_does_not_know_is_an_error(pattern: str) -> None:
    """Look-arounds and back-references are what makes patterns slow."""
    with pytest.raises(PatternError):
        whole(pattern)


def test_the_classic_slow_pattern_is_fast() -> None:
    """In Python's own engine this takes longer than the universe has left."""
    test = whole("(a*)*b")
    before = time.process_time()

    assert not test("a" * 1_000_000)
    assert time.process_time() - before < 1


def test_half_of_a_character_matches_nothing() -> None:
    """JSON can say it, UTF-8 cannot."""
    assert not whole(".*")("\ud800")


def test_lines_are_asked_for() -> None:
    """A glob's `*` goes over a newline, a pattern's dot does not."""
    assert whole("a.b", lines=True)("a\nb")
    assert not whole("a.b")("a\nb")
