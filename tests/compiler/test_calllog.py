"""Lines of the call log as calls."""

import pytest

from authz.compiler import DefinitionsError
from authz.compiler.calllog import NOON, SOMEBODY, parse_line, recorded
from authz.core.call import Kind
from tests.compiler.world import APPS, PERSONA, compiled, decided, swapped

LINE = (
    '{"at": "2026-03-02T11:00:00+01:00", "agent": {"id": "summarizer", "model": "claude-x", "version": "1.5",'
    ' "deployment": null}, "user": "alice@example.com", "persona": "support", "session": "s-1",'
    ' "app": "tickets", "tool": "get_ticket", "args": {"ticket": 17}, "outcome": "ok"}'
)


def test_a_whole_line_assumes_nothing() -> None:
    """Every field of the contracts, with the types that JSON gives."""
    made = compiled()

    found = recorded(parse_line(LINE, "log:1"), made.definitions.personas["support"], made)

    call = found.call
    assert found.assumed == ()
    assert call.at.isoformat() == "2026-03-02T10:00:00+00:00"
    assert (call.caller.agent.model, call.caller.agent.deployment) == ("claude-x", None)
    assert (call.session, call.action.target, call.action.kind) == ("s-1", "17", Kind.TOOL)


@pytest.mark.parametrize(
    ("name", "kind", "known"),
    [
        ("get_ticket", Kind.TOOL, True),
        ("triage", Kind.PROMPT, True),
        ("file:///reports/a.pdf", Kind.RESOURCE, True),
        ("file:///secret", Kind.TOOL, False),
    ],
)
def test_a_name_is_a_tool_a_prompt_or_a_resource(name: str, kind: Kind, *, known: bool) -> None:
    """The log does not say which; the definitions do."""
    made = compiled()
    line = parse_line(f'{{"app": "tickets", "tool": "{name}"}}', "log:1")

    action = recorded(line, made.definitions.personas["support"], made).call.action

    assert (action.kind, action.tool is not None) == (kind, known)
    assert action.target == (name if kind is Kind.RESOURCE else None)


def test_prompts_and_resources_need_a_grant_by_access() -> None:
    """A pattern over tools does not open files."""
    made = compiled(swapped("access: [read]\n", 'tools: ["*"]\n'))

    assert decided(compiled(), app="tickets", tool="file:///reports/a") == "allow"
    assert decided(compiled(), app="tickets", tool="triage") == "allow"
    assert decided(made, app="tickets", tool="file:///reports/a") == "tool.not-granted"
    assert decided(made, app="tickets", tool="triage") == "tool.not-granted"


@pytest.mark.parametrize(
    ("people", "user"),
    [
        ("users: [{id: a, groups: [g]}, {id: b, groups: [g, h]}]\n", "b"),
        ("users: [{id: a, groups: [g]}, {id: b, active: false, groups: [h]}]\n", "a"),
        ("users: [{id: z, groups: [h]}, {id: a, groups: [h]}]\n", "a"),
        ("", SOMEBODY),
    ],
)
def test_the_user_assumed_is_admitted_and_entitled_where_one_is(people: str, user: str) -> None:
    """Where no person is, a member of the persona's groups is thought up."""
    text = (
        PERSONA.replace("[support-agents]", "[g, h]")
        + APPS
        + "---\napiVersion: personas/v1\nkind: Directory\n"
        + people
        + "groups: [{name: g}, {name: h, entitlements: [{app: tickets, access: [read]}]}]\n"
    )
    made = compiled(text)
    line = parse_line('{"app": "tickets", "tool": "get_ticket"}', "log:1")

    found = recorded(line, made.definitions.personas["support"], made)

    assert found.call.caller.user == user
    assert found.user is not None
    assert found.assumed == ("agent", "user", "at")
    assert found.call.at == NOON


@pytest.mark.parametrize("users", ["{groups: [elsewhere]}", "{ids: [elsewhere@example.com]}"])
def test_people_who_are_known_elsewhere_are_taken_to_be_entitled(users: str) -> None:
    """Nobody here can say what they may not do."""
    text = swapped("{groups: [support-agents]}", users, PERSONA) + APPS
    text += "---\napiVersion: personas/v1\nkind: Directory\nexternal: true\n"

    assert decided(compiled(text), app="tickets", tool="get_ticket") == "allow"


def test_when_nobody_is_entitled_the_answer_says_so() -> None:
    """A person who may not is shown as one who may not."""
    text = swapped("{app: tickets, access: [read, write]}", "{app: tickets, access: [send]}")

    assert decided(compiled(text), app="tickets", tool="get_ticket") == "user.not-entitled"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "1", '{"tool": 1}', '{"tool": "x", "args": []}', '{"tool": ""}']
)
def test_what_is_no_line_is_an_error(text: str) -> None:
    """With its place, for logs of many lines."""
    with pytest.raises(DefinitionsError):
        parse_line(text, "log:1")


def test_a_workload_that_no_log_can_tell_is_taken_as_proven_and_said() -> None:
    """Else no log would fit a persona that asks for proof; one that is stated stands as it is."""
    made = compiled(swapped("deployments: [prod-eu]}", "workload: 'spiffe://example.org/a'}"))
    persona = made.definitions.personas["support"]
    stated = LINE.replace(
        '"deployment": null', '"deployment": null, "workload": "spiffe://example.org/other"'
    )

    unproven = LINE.replace('"deployment": null', '"deployment": null, "workload": null')

    silent = recorded(parse_line(LINE, "log:1"), persona, made)
    spoken = recorded(parse_line(stated, "log:1"), persona, made)

    assert (silent.assumed, silent.call.caller.agent.workload) == (("workload",), "spiffe://example.org/a")
    assert (spoken.assumed, spoken.call.caller.agent.workload) == ((), "spiffe://example.org/other")
    assert recorded(parse_line(unproven, "log:1"), persona, made).call.caller.agent.workload is None
