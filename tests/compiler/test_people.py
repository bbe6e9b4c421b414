"""Directories: people, groups, entitlements."""

import pytest

from authz.core.app import Access
from authz.core.user import Entitlement
from tests.compiler.world import APPS, compiled, errors

HEAD = "apiVersion: personas/v1\nkind: Directory\n"


def directory(rest: str) -> str:
    """A directory beside the apps."""
    return HEAD + rest + APPS


def test_a_user_has_the_sum_of_their_groups() -> None:
    """By access, by name and by pattern; with access and tools both must hold."""
    made = compiled(
        directory(
            "users: [{id: u, groups: [a, b], clearance: internal, subjects: ['i|s']}]\n"
            "groups:\n"
            "  - {name: a, entitlements: [{app: tickets, access: [read]}]}\n"
            "  - name: b\n    entitlements:\n      - {app: tickets, access: [send]}\n"
            "      - {app: tickets, tools: ['close_*']}\n"
            "      - {app: tickets, access: [read], tools: ['*_reply', get_ticket]}\n"
            "      - {app: billing, access: []}\n"
        )
    ).definitions

    assert made.users["u"].entitlements == {
        "tickets": Entitlement(
            access=frozenset({Access.READ, Access.SEND}), tools=frozenset({"close_ticket", "get_ticket"})
        )
    }
    assert made.users["u"].clearance == 1
    assert made.subjects == {"i|s": "u"}
    assert set(made.groups) == {"a", "b"}


def test_groups_and_users_may_stand_in_different_documents() -> None:
    """People and their rights are kept by different teams."""
    text = directory("users: [{id: u, groups: [a]}]\n") + f"---\n{HEAD}groups: [{{name: a}}]\n"

    assert compiled(text).definitions.users["u"].groups == {"a"}


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ("users: [{id: u, groups: [a]}]\n", "unknown group `a`"),
        ("users: [{id: u}, {id: u}]\n", "user `u` is there already"),
        ("users: [{id: u, subjects: [x]}]\n", "`x` is no subject: write `issuer|subject`"),
        ("users: [{id: u, subjects: ['i|s']}, {id: v, subjects: ['i|s']}]\n", "is another user's already"),
        ("users: [{id: u, active: yes}]\n", "expected true or false, got `yes`"),
        ("users: [{id: u, clearance: secret}]\n", "`secret` is none of public, internal"),
        ("users: [{id: ''}]\n", "must be printable text and not empty"),
        ("groups: [{name: a}, {name: a}]\n", "group `a` is there already"),
        ("groups: [{name: a, entitlements: [{app: tickts, access: [read]}]}]\n", "did you mean `tickets`?"),
        ("groups: [{name: a, entitlements: [{app: tickets}]}]\n", "names nothing: give `access` or `tools`"),
        (
            "groups: [{name: a, entitlements: [{app: tickets, tools: [x]}]}]\n",
            "app `tickets` has no tool `x`",
        ),
    ],
)
def test_a_directory_that_cannot_be_meant_is_an_error(rest: str, problem: str) -> None:
    """A right that was mistyped is a right that is not there, or another's."""
    [found] = errors(directory(rest))

    assert problem in found
