"""Classes: the general covers the particular, and never the other way round."""

import pytest

from authz.core.labels import covered, sensitivity


@pytest.mark.parametrize(
    ("one", "allowed", "answer"),
    [
        ("pii", {"pii"}, True),
        ("pii.contact", {"pii"}, True),
        ("pii.contact.mail", {"pii"}, True),
        ("pii", {"pii.contact"}, False),
        ("piii", {"pii"}, False),
        ("pii.contact", {"contact"}, False),
        ("pii", set(), False),
        ("", {"pii"}, False),
        (".pii", {""}, False),
    ],
)
def test_a_class_is_covered_by_itself_and_those_above(one: str, allowed: set[str], *, answer: bool) -> None:
    """By whole names between dots."""
    assert covered(one, allowed) is answer


def test_sensitivity_is_said_of_the_class_or_of_the_nearest_above() -> None:
    """And is `unknown` when nobody said it."""
    levels = {"pii": 2, "pii.contact": 1}

    found = [sensitivity(one, levels, 9) for one in ("pii", "pii.contact.mail", "pii.health", "other", "")]

    assert found == [2, 1, 2, 9, 9]
