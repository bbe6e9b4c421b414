"""How problems are said."""

from authz.compiler.problem import DefinitionsError, Problem, Problems, did_you_mean, in_order, shown
from authz.core.app import Place


def test_a_problem_is_file_line_column_and_message() -> None:
    """As editors and people jump to."""
    assert str(Problem(Place("d/f.yaml", 3, 7), "no")) == "d/f.yaml:3:7: no"
    assert str(Problem(Place("d"), "is not there")) == "d: is not there"


def test_problems_are_in_order_and_told_once() -> None:
    """By file, line and column as numbers."""
    some = [Problem(Place("b", 1, 1), "x"), Problem(Place("a", 10, 1), "x"), Problem(Place("a", 9, 2), "x")]

    assert in_order([*some, *some]) == (some[2], some[1], some[0])
    assert str(DefinitionsError(some)) == "a:9:2: x\na:10:1: x\nb:1:1: x"


def test_messages_are_one_printable_line() -> None:
    """A file may hold escape codes; a terminal must not obey them."""
    problems = Problems()

    problems.error(Place("f"), "`\x1b[2J`")

    assert problems.errors[0].message == "`\\x1b[2J`"
    assert shown("a\nb  c") == "`a b c`"
    assert len(shown("x" * 500)) < 70


def test_a_name_that_is_nearly_another_is_asked_about() -> None:
    """And one that is not, is not."""
    assert did_you_mean("raed", ["read", "write"]) == ", did you mean `read`?"
    assert did_you_mean("zzz", ["read", "write"]) == ""


def test_what_is_missing_because_it_was_cut_out_is_not_told() -> None:
    """One mistake, one message."""
    problems = Problems(cut={Place("f", 1, 1)})

    problems.error(Place("f", 1, 1), "is empty")

    assert problems.errors == []
