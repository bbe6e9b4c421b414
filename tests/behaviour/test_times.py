"""Rows of instants: forgotten from the front, bounded, compact."""

from hypothesis import given
from hypothesis import strategies as st

from authz.behaviour.times import add, instants, living, row, union


@given(st.lists(st.integers(0, 50), max_size=300), st.integers(1, 40))
def test_a_row_holds_the_newest_and_nothing_else(gaps: list[int], most: int) -> None:
    """However often it was compacted."""
    times, plain, now = row(), list[int](), 0
    for gap in gaps:
        now += gap
        add(times, now, most)
        plain = [*plain, now][-most:]
        plain = [one for one in plain if one > now - 100]

        assert living(times, now - 100) == len(plain)
        assert instants(times) == plain

    assert len(times) < 3 * most + 70


@given(st.lists(st.integers(0, 99)), st.lists(st.integers(0, 99)))
def test_a_union_has_all_of_both(one: list[int], other: list[int]) -> None:
    """Twice where both have it."""
    assert instants(union(row(sorted(one)), row(sorted(other)))) == sorted(one + other)
