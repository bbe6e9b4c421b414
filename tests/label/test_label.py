"""Which classes a call touches: what the definition says, and what arguments and target add."""

import pytest

from authz.compiler.calllog import action_of
from authz.compiler.written.cases import CallLine
from authz.core.call import Json
from authz.label import labels_of
from tests.compiler.world import compiled, decided, swapped

TOOL = "  - {name: get_ticket, access: read, data: [internal], target: ticket}\n"
LABELLED = """\
  - name: get_ticket
    access: read
    data: [internal]
    target: ticket
    labels: {args.account: {"ACME-*": [restricted], "7": [pii]}, to.address: {"*@example.com": [pii.contact]}}
"""
MADE = compiled(
    swapped(TOOL, LABELLED).replace(
        "metadata: {name: tickets}\n", "metadata: {name: tickets}\ntargets: {SECRET-*: [secret]}\n"
    )
)
SOUND: dict[str, Json] = {"account": "B-1", "to": {"address": "a@x.test"}, "ticket": "T-1"}


def labels(args: dict[str, Json]) -> tuple[set[str], str]:
    """Classes, and why they can't be told."""
    line = CallLine.model_validate({"app": "tickets", "tool": "get_ticket", "args": args})
    classes, why = labels_of(action_of(line, MADE.definitions.apps))
    return set(classes), why


@pytest.mark.parametrize(
    ("args", "more"),
    [
        ({}, set()),
        ({"account": "ACME-1"}, {"restricted"}),
        ({"account": "acme-1"}, {"restricted"}),
        ({"account": 7}, {"pii"}),
        ({"account": 7.0}, {"pii"}),
        ({"ticket": "secret-1"}, {"secret"}),
        ({"to": {"address": "b@example.com"}, "account": "ACME-1"}, {"pii.contact", "restricted"}),
    ],
)
def test_arguments_and_target_add_to_what_the_definition_says(args: dict[str, Json], more: set[str]) -> None:
    """They add, and never take away."""
    assert labels(SOUND | args) == ({"internal"} | more, "")


@pytest.mark.parametrize(
    ("args", "what"),
    [
        ({"account": None}, "argument `account`"),
        ({"account": ["ACME-1"]}, "argument `account`"),
        ({"account": {"id": "ACME-1"}}, "argument `account`"),
        ({"account": "\ud800"}, "argument `account`"),
        ({"to": {}}, "argument `to.address`"),
        ({"to": [{"address": "a"}]}, "argument `to.address`"),
        ({"ticket": None}, "the target"),
        ({"ticket": []}, "the target"),
    ],
)
def test_a_labelled_argument_that_is_absent_or_no_scalar_is_unlabelled(
    args: dict[str, Json], what: str
) -> None:
    """Who leaves out the account must not be taken for one without secrets."""
    _, why = labels(SOUND | args)

    assert why.startswith(what)
    assert decided(MADE, app="tickets", tool="get_ticket", args=SOUND | args) == "data.unlabelled"


def test_what_no_definition_names_has_no_classes() -> None:
    """`tool.unknown` says the rest."""
    line = CallLine.model_validate({"app": "tickets", "tool": "nothing"})

    assert labels_of(action_of(line, MADE.definitions.apps)) == (frozenset(), "")


def test_exact_case_is_asked_for() -> None:
    """Of a tool, or of the whole app."""
    text = swapped(TOOL, LABELLED.replace("    target: ticket\n", "    target: ticket\n    case: exact\n"))
    line = CallLine.model_validate(
        {"app": "tickets", "tool": "get_ticket", "args": SOUND | {"account": "acme-1"}}
    )

    assert labels_of(action_of(line, compiled(text).definitions.apps)) == (frozenset({"internal"}), "")
