"""Arguments by path, and scalars as text."""

import pytest

from authz.core.arguments import as_text, find, steps_of
from authz.core.call import Json


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("a", ("a",)),
        ("args.a", ("a",)),
        ("args", ("args",)),
        ("args.args.a", ("args", "a")),
        ("a.b", ("a", "b")),
        ("a..b", ()),
        ("", ()),
        ("a.", ()),
    ],
)
def test_a_path_is_its_steps(path: str, steps: tuple[str, ...]) -> None:
    """With or without `args.`; what has an empty step names nothing."""
    assert steps_of(path) == steps


@pytest.mark.parametrize(
    ("args", "found"),
    [
        ({"a": {"b": 1}}, (True, 1)),
        ({"a": {"b": None}}, (True, None)),
        ({"a": {}}, (False, None)),
        ({"a": [{"b": 1}]}, (False, None)),
        ({"a.b": 1}, (False, None)),
        ({}, (False, None)),
    ],
)
def test_null_is_there_and_lists_are_not_walked_into(args: dict[str, Json], found: tuple[bool, Json]) -> None:
    """Which element would be meant, nobody said."""
    assert find(args, ("a", "b")) == found


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (True, "true"),
        (False, "false"),
        (1, "1"),
        (1.0, "1"),
        (1e3, "1000"),
        (1.5, "1.5"),
        (-0.0, "0"),
        (None, None),
        ([], None),
        ({}, None),
        ("\ud800", None),
        pytest.param(10**5000, None, id="huge"),
    ],
)
def test_scalars_as_text(value: Json, text: str | None) -> None:
    """One number in JSON is one text, however it was written."""
    assert as_text(value) == text
