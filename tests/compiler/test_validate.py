"""A document against its model: the house's words, the right place, and nothing told twice."""

import pytest

from tests.compiler.world import WHOLE, errors, swapped


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('version: "3"', "version: 3", "3:36: expected text, got `3`: put it in quotes"),
        ('version: "3"', "verison: '3'", "3:27: unknown key `verison`, did you mean `version`?"),
        ("users: {groups: [support-agents]}", "users: [a]", "4:8: expected a mapping, got a list"),
        ("users: {groups: [support-agents]}", "users: {groups: a}", "4:17: expected a list, got `a`"),
        ("users: {groups: [support-agents]}", "users:", "4:7: expected a mapping, got nothing"),
        (
            "access: [read]\n",
            "access: [raed]\n",
            "9:14: `raed` is none of read, write, delete",
        ),
        ("access: [read]\n", "access: [[read]]\n", "9:14: `['read']` is none of read, write"),
        ("access: [read]\n", "acess: [read]\n", "9:5: unknown key `acess`, did you mean `access`?"),
        ("access: [read]\n", "access: [read]\n    from: x\n", "10:5: unknown key `from`"),
        ("metadata: {name: support,", "metadata: {name: sup port,", "3:18: `sup port` is no name"),
        ("metadata: {name: tickets}", "metadata: {name: Tickets}", "18:18: `Tickets` is no name"),
        ("kind: Directory\n", "kind: Directory\nexternal: yes\n", "expected true or false, got `yes`"),
    ],
)
def test_what_is_wrong_is_said_in_the_houses_words(old: str, new: str, problem: str) -> None:
    """Where, what, and what was probably meant; no word of Python's."""
    assert any(one.startswith(problem) or one.endswith(problem) for one in errors(swapped(old, new)))


def test_every_mistake_of_a_document_is_told_at_once_and_once() -> None:
    """A run for each would be a waste of an afternoon."""
    text = swapped('version: "3"', "version: 3", WHOLE)
    text = swapped("deployments: [prod-eu]", "deployment: [prod-eu]", text)
    text = swapped("tools: [draft_reply]", "tools: [draft_rpely]", text)
    text = swapped("allow: [public, internal, pii.contact]", "allow: [Public, internal, pii..contact]", text)

    assert [one.partition(": ")[0] for one in errors(text)] == ["3:36", "6:66", "11:13", "14:11", "14:29"]


def test_a_required_key_with_a_wrong_value_is_not_told_to_be_missing() -> None:
    """What was cut out because it is wrong is not wrong a second time."""
    text = swapped("name: search_tickets, access: read", "name: search_tickets, access: 7")

    assert errors(text) == ["21:36: `7` is none of read, write, delete, execute, send"]


def test_a_missing_section_does_not_hide_the_others() -> None:
    """Something harmless stands in for it while the rest is read."""
    text = swapped("users: {groups: [support-agents]}\n", "")
    text = swapped("tools: [draft_reply]", "tools: [nothing]", text)

    assert errors(text) == ["1:1: `users` is missing", "10:13: app `tickets` has no tool `nothing`"]
