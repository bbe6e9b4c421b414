"""Calls decided without a wire: the same steps, after whatever came before."""

import pytest

from authz.cli.offline import run_case
from authz.compiler import SourceFile, compile_set
from tests.compiler.world import APPS, FILE, PEOPLE, PERSONA

LIMITS = """\
behaviour:
  limits: [{name: pace, calls: 2, per: 1m}]
  sequences: [{name: no-write-after, after: {tools: [search_tickets]}, within: 1h, deny: {access: [write]}}]
"""


def failure(case: str, persona: str = PERSONA + LIMITS) -> str:
    """Why the case fails; empty when it passes."""
    text = f"{persona}tests:\n  - {{name: a, {case}}}\n{APPS}{PEOPLE}"
    made = compile_set([SourceFile(FILE, text.encode())])
    return run_case(made.cases[0], made).failure


GET = "{app: tickets, tool: get_ticket}"
DRAFT = "{app: tickets, tool: draft_reply, args: {body: a}}"


AGENT = "{id: summarizer, model: claude-2, version: '1.4', deployment: prod-eu}"
OTHER = f"agent: {AGENT}, user: bob@example.com"


@pytest.mark.parametrize(
    ("call", "expected", "history"),
    [
        (GET, "allow", ""),
        (GET, "deny, reasons: [behaviour.limit]", "{app: tickets, tool: get_ticket, times: 2}"),
        (GET, "allow", "{app: tickets, tool: get_ticket, times: 9, ago: 61s}"),
        (GET, "allow", "{app: tickets, tool: close_ticket, times: 9}"),
        (DRAFT, "deny, reasons: [behaviour.sequence]", "{app: tickets, tool: search_tickets, ago: 59m}"),
        (DRAFT, "allow", "{app: tickets, tool: search_tickets, ago: 61m}"),
        (GET, "allow", f"{{app: tickets, tool: get_ticket, times: 2, {OTHER}}}"),
    ],
)
def test_what_came_before_counts_as_it_would_have(call: str, expected: str, history: str) -> None:
    """Only calls that were let through consume, and only of the same agent and user."""
    assert failure(f"call: {call}, expect: {expected}, history: [{history}]") == ""


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (f"call: {GET}, expect: deny", "expected deny, got allowed by defs.yaml:8"),
        (f"call: {GET}, expect: flag", "expected flag, got allowed by defs.yaml:8"),
        ("call: {tool: x}, expect: allow", "expected allow, got denied (tool.unknown)"),
        ("call: {tool: x}, expect: shadow", "expected shadow, got denied (tool.unknown)"),
    ],
)
def test_a_failure_says_what_came_instead(case: str, why: str) -> None:
    """And which line decided it."""
    assert failure(case) == why


def test_flags_and_shadow_can_be_expected() -> None:
    """Each effect has its word."""
    flagging = PERSONA + LIMITS.replace("per: 1m}", "per: 1m, on_drift: flag}")
    history = "history: [{app: tickets, tool: get_ticket, times: 2}]"

    assert failure(f"call: {GET}, expect: flag, reasons: [behaviour.limit], {history}", flagging) == ""
    shadow = PERSONA.replace("agents:\n", "mode: shadow\nagents:\n")
    assert failure("call: {app: tickets, tool: close_ticket}, expect: shadow", shadow) == ""


def test_who_is_assumed_for_the_call_made_the_calls_before_it() -> None:
    """A reader who comes first in the directory could have read, but the one who drafts is who must have."""
    persona = PERSONA + LIMITS
    reader = "  - {id: aaron@example.com, groups: [readers, support-agents]}\n  - {id: alice"
    people = PEOPLE.replace("  - {id: alice", reader).replace(
        "  - name: support-agents\n    entitlements:\n",
        "  - name: readers\n    entitlements: [{app: tickets, access: [read]}]\n"
        "  - name: support-agents\n  - name: writers\n    entitlements:\n",
    )
    people = people.replace(
        "groups: [support-agents]}\n  - {id: bob", "groups: [support-agents, writers]}\n  - {id: bob"
    )
    history = "history: [{app: tickets, tool: search_tickets}]"
    case = f"call: {DRAFT}, expect: deny, reasons: [behaviour.sequence], {history}"
    text = f"{persona}tests:\n  - {{name: a, {case}}}\n{APPS}{people}"
    made = compile_set([SourceFile(FILE, text.encode())])

    result = run_case(made.cases[0], made)

    assert result.failure == ""
    assert {one.call.caller.user for one in result.earlier} == {"alice@example.com"}
