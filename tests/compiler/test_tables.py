"""Tables of labels: patterns add, never remove."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.compiler.tables import Table


@pytest.mark.parametrize(
    ("value", "classes"),
    [
        ("ACME-1", {"restricted"}),
        ("acme-1", {"restricted"}),
        (" ACME-1 ", {"restricted"}),
        ("ACME-42", {"restricted", "pii"}),
        ("xACME-1", set()),
        ("b@EXAMPLE.com", {"contact"}),
        ("ACME-@example.com", {"restricted", "contact"}),
        ("", set()),
        ("Straße", {"street"}),
        ("STRASSE", {"street"}),
        ("\uff21\uff23\uff2d\uff25-1", {"restricted"}),
    ],
)
def test_every_pattern_that_matches_adds_its_classes(value: str, classes: set[str]) -> None:
    """Case and blanks at the ends do not matter: an app may overlook them too."""
    written = {
        "ACME-*": ["restricted"],
        "acme-42": ["pii"],
        "*@example.com": ["contact"],
        "strasse": ["street"],
    }

    assert Table.of(written, exact=False)(value) == classes


def test_words_that_fold_to_one_add_up() -> None:
    """Two teams may write the same customer in two ways; neither takes away what the other said."""
    table = Table.of({"ACME": ["x"], "acme": ["y"], "W*": ["p"], "w*": ["q"]}, exact=False)

    assert table("Acme") == {"x", "y"}
    assert table("wx") == {"p", "q"}


def test_exact_tables_tell_case_apart() -> None:
    """For ids where `a` and `A` are two things."""
    table = Table.of({"A*": ["x"], "B": ["y"]}, exact=True)

    assert [table(one) for one in ("A1", "a1", "B", "b")] == [{"x"}, set(), {"y"}, set()]


def test_a_table_of_thousands_is_looked_up_and_not_walked() -> None:
    """Customers are many; a call asks for one."""
    table = Table.of({f"customer-{one}-*": [f"c{one}"] for one in range(5000)}, exact=False)

    assert table("customer-4711-x") == {"c4711"}
    assert len(table.lengths) <= 4
    assert not table.others


WRITTEN = st.dictionaries(
    st.text("ab*?-", min_size=1, max_size=4),
    st.lists(st.sampled_from(["x", "y", "z"]), max_size=2),
    max_size=5,
)


@given(WRITTEN, WRITTEN, st.text("abAB-", max_size=5))
def test_a_further_pattern_never_takes_a_class_away(
    written: dict[str, list[str]], more: dict[str, list[str]], value: str
) -> None:
    """The most specific table adds; it cannot declassify."""
    both = {key: [*written.get(key, []), *more.get(key, [])] for key in written | more}

    assert Table.of(written, exact=False)(value) <= Table.of(both, exact=False)(value)
