"""`where:`: what arguments must be. Arguments are the attacker's."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.core.call import Json
from tests.compiler.test_personas import tools
from tests.compiler.world import compiled, decided, errors

LISTS = """\
---
apiVersion: personas/v1
kind: Lists
metadata: {owner: finance@example.com}
lists:
  payees: [ACME GmbH, 42]
  customer-domains: [example.com, Example.ORG]
"""


def answers(constraint: str, *values: Json, path: str = "x") -> list[bool]:
    """Whether each value of argument `x` satisfies."""
    made = compiled(tools(f"  - {{app: tickets, access: [read], where: {{{path}: {constraint}}}}}\n") + LISTS)
    found = [decided(made, app="tickets", tool="get_ticket", args={"x": value}) for value in values]
    assert set(found) <= {"allow", "tool.condition"}
    return [one == "allow" for one in found]


@pytest.mark.parametrize(
    ("constraint", "good", "bad"),
    [
        ("{max: 50}", [50, 49.5, -1000], [50.01, 51, "50", True, None, [50], {}, 1e999]),
        ("{min: 1, max: 50}", [1, 50], [0.999, -1, 51]),
        ("{in: [a, 1, true]}", ["a", 1, True, 1.0], ["A", 0, False, "1", "true", None, ["a"]]),
        ("{in: [1]}", [1], [True]),
        ("{in: []}", [], ["", None, 0]),
        ("{equals: EUR}", ["EUR"], ["eur", "EUR ", None, ["EUR"]]),
        ("{in_list: payees}", ["ACME GmbH", 42], ["acme gmbh", "ACME", "42", None, ["ACME GmbH"]]),
        ("{max_length: 3}", ["", "abc"], ["abcd", 1, None, ["a"]]),
        ("{pattern: 'INV-[0-9]+'}", ["INV-1"], ["xINV-1", "INV-1x", "INV-1\n", "INV-", 1, None, "\ud800"]),
        ("{pattern: 'a|b'}", ["a", "b"], ["ab", "ac"]),
    ],
)
def test_scalars(constraint: str, good: list[Json], bad: list[Json]) -> None:
    """An argument of another type, or a list where one value is expected, does not satisfy."""
    assert answers(constraint, *good) == [True] * len(good)
    assert answers(constraint, *bad) == [False] * len(bad)


def test_under_is_a_prefix_of_whole_segments() -> None:
    """`/reports` does not cover `/reports-old`, and nothing climbs out of it."""
    good: list[Json] = ["/reports", "/reports/", "/reports/a.pdf", "/reports/2026/ä b.pdf", "/reports/..a"]
    bad: list[Json] = [
        "/reports-old",
        "/",
        "",
        "reports/a",
        "//reports/a",
        "/reports//a",
        "/reports/../secret",
        "/reports/./a",
        "/reports/..",
        "/reports/.. /secret",
        "/reports/%2e%2e/secret",
        "/reports/%2fetc",
        "/reports/\\..\\secret",
        "/reports/a\x00.pdf",
        "/reports/a\n",
        "/REPORTS/a",
        "/reports/\u2025/secret",
        "/reports/\uff0e\uff0e/secret",
        "/reports/..\uff0fsecret",
        ["/reports/a"],
        None,
        7,
    ]

    assert answers("{under: /reports}", *good) == [True] * len(good)
    assert answers("{under: /reports}", *bad) == [False] * len(bad)
    assert answers("{under: [/reports, out]}", "out/a", "/reports/b", "other/c") == [True, True, False]


def test_domain_is_exactly_one_address() -> None:
    """Two addresses in one text are how a mail leaves the house."""
    good: list[Json] = ["a@example.com", "a.b+c@EXAMPLE.com"]
    bad: list[Json] = [
        "a@example.org",
        "a@mail.example.com",
        "a@example.com.evil.test",
        "a@evil.test@example.com",
        "a@example.com,b@evil.test",
        "b@evil.test, a@example.com",
        "a@example.com b@evil.test",
        "<a@example.com>",
        '"b@evil.test"@example.com',
        "b%evil.test@example.com",
        "a@example.com\r\nBcc: b@evil.test",
        "a@example.com.",
        "a@ex\u0430mple.com",
        "@example.com",
        "example.com",
        ["a@example.com"],
        None,
    ]

    assert answers("{domain: [example.com]}", *good) == [True] * len(good)
    assert answers("{domain: [example.com]}", *bad) == [False] * len(bad)
    assert answers("{domain: {in_list: customer-domains}}", "a@example.org", "a@x.test") == [True, False]


def test_each_element_must_satisfy_and_there_must_be_one() -> None:
    """An empty list satisfies nothing: permission is not the absence of an objection."""
    constraint = "{each: {domain: [example.com]}}"

    assert answers(constraint, ["a@example.com"], ["a@example.com", "b@example.com"]) == [True, True]
    assert (
        answers(constraint, [], ["a@example.com", "b@evil.test"], "a@example.com", [["a@example.com"]])
        == [False] * 4
    )


def test_paths_go_into_objects_and_not_into_lists() -> None:
    """`to.address` and `args.to.address` are the same; a list on the way is another type."""
    for path in ("x.to.address", "args.x.to.address"):
        assert answers("{equals: a}", {"to": {"address": "a"}}, path=path) == [True]
        bad: list[Json] = [{"to": [{"address": "a"}]}, {"to": "a"}, {}, None, "a", {"to.address": "a"}]
        assert answers("{equals: a}", *bad, path=path) == [False] * 6


def test_an_optional_argument_may_be_absent_and_nothing_more() -> None:
    """Absent is fine, null is a value."""
    assert answers("{max: 5, optional: true}", 5, 6, None) == [True, False, False]
    assert answers("{max: 5, optional: true}", 1, path="y") == [True]
    assert answers("{max: 5}", 1, path="y") == [False]


@pytest.mark.parametrize(
    ("constraint", "problem"),
    [
        ("{pattern: '('}", "`(` is no RE2 pattern: missing ): ("),
        ("{pattern: '(?=a)'}", "`(?=a)` is no RE2 pattern"),
        ("{in_list: payee}", "unknown list `payee`, did you mean `payees`?"),
        ("{domain: [example]}", "`example` is no domain"),
        ("{domain: {in_list: payees}}", "`ACME GmbH` is no domain"),
        ("{under: /a/../b}", "`/a/../b` is no plain path"),
        ("{max: a}", "expected a number, got `a`"),
        ("{patern: a}", "unknown key `patern`, did you mean `pattern`?"),
        ("{each: {}}", "constrains nothing"),
        ("{max: .inf}", "expected a number, got `.inf`"),
    ],
)
def test_a_constraint_that_cannot_be_meant_is_an_error(constraint: str, problem: str) -> None:
    """Found at load: at run time it would deny, or worse."""
    found = errors(tools(f"  - {{app: tickets, access: [read], where: {{x: {constraint}}}}}\n") + LISTS)

    assert all("constrains nothing" not in one for one in found[1:])
    assert any(problem in one for one in found), found


JSON: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
EVERYTHING = compiled(
    tools(
        "  - app: tickets\n    access: [read]\n    where:\n"
        "      x: {optional: true, each: {max: 5}}\n"
        "      a: {max: 5, min: 1}\n      b: {in: [a, 1]}\n      c: {under: /r}\n"
        "      d: {domain: [example.com]}\n"
        "      e: {pattern: '.*x'}\n      f.g: {max_length: 3}\n      h: {in_list: payees}\n"
        "    when: 'args.a > 1 && args.b == args.c && args.x.all(e, e < 3)'\n"
    )
    + LISTS
)


@settings(max_examples=1000, deadline=None)
@given(st.dictionaries(st.sampled_from("abcdefghx"), JSON))
def test_any_json_value_as_arguments_gives_a_decision(args: dict[str, Json]) -> None:
    """A check that raises would be a way around it."""
    found = decided(EVERYTHING, app="tickets", tool="get_ticket", args=args)

    assert found in ("allow", "tool.condition")
