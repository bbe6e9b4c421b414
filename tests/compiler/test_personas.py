"""Grants, data and people of a persona, as they decide."""

import pytest

from authz.compiler.personas import Wide
from tests.compiler.world import WHOLE, compiled, decided, errors, swapped, warnings

GRANT = "tools: [draft_reply]\n    when: 'args.body.size() < 4000'\n"
ARGS = {"ticket": "T-1", "body": "hello"}


def tools(grants: str) -> str:
    """The canonical set with other grants."""
    head, rest = WHOLE.split("tools:\n", 1)
    return f"{head}tools:\n{grants}data:\n{rest.split('data:', 1)[1].removeprefix(chr(10))}"


@pytest.mark.parametrize(
    ("grant", "search", "draft", "close"),
    [
        ("access: [read]", True, False, False),
        ("access: [write]", False, True, True),
        ("tools: [draft_reply]", False, True, False),
        ('tools: ["*_ticket*"]', True, False, True),
        ('tools: ["*"], except: [close_ticket]', True, True, False),
        ('access: [read, write], except: ["*_ticket"]', True, True, False),
        ('access: [write], tools: ["*"]', False, True, True),
        ('access: [read], tools: ["draft_*", "search_*"]', True, False, False),
    ],
)
def test_a_grant_names_by_access_by_name_or_by_pattern(
    grant: str, *, search: bool, draft: bool, close: bool
) -> None:
    """With `access` and `tools` both must hold; `except` takes out of either."""
    made = compiled(tools(f"  - {{app: tickets, {grant}}}\n"))

    found = [
        decided(made, app="tickets", tool=name, args=ARGS) == "allow"
        for name in ("search_tickets", "draft_reply", "close_ticket")
    ]

    assert found == [search, draft, close]


@pytest.mark.parametrize(
    ("grant", "problem"),
    [
        ("app: tickts, access: [read]", "unknown app `tickts`, did you mean `tickets`?"),
        ("app: tickets", "grants nothing: give `access` or `tools`"),
        ("app: tickets, tools: [draft]", "app `tickets` has no tool `draft`"),
        (
            "app: tickets, tools: [draft_replies]",
            "app `tickets` has no tool `draft_replies`, did you mean `draft_reply`?",
        ),
        ('app: tickets, tools: ["x_*"]', "`x_*` matches no tool of app `tickets`"),
        ("app: tickets, access: [read], except: [get]", "app `tickets` has no tool `get`"),
        ('app: tickets, access: [read], when: "user.idd == 1"', "condition undeclared reference"),
        ("app: tickets, access: [read], where: {a: {}}", "constrains nothing"),
        ("app: tickets, access: [read], were: {}", "unknown key `were`, did you mean `where`?"),
    ],
)
def test_a_grant_that_cannot_be_meant_is_an_error(grant: str, problem: str) -> None:
    """A typing error in a grant is found before it denies, or permits, in production."""
    [found] = errors(tools(f"  - {{{grant}}}\n"))

    where, _, said = found.partition(": ")
    assert where.startswith("8:")
    assert said.startswith(problem)


@pytest.mark.parametrize(
    ("grant", "warning"),
    [
        ("access: []", "grants nothing: its list is empty"),
        ("access: [read], tools: [draft_reply]", "tool `draft_reply` is `write`: not granted here"),
    ],
)
def test_a_grant_that_grants_nothing_is_a_warning(grant: str, warning: str) -> None:
    """It denies, which is safe; and it is hardly what was meant."""
    text = tools(f"  - {{app: tickets, {grant}}}\n")

    assert [one.partition(": ")[2] for one in warnings(text)] == [warning]
    assert decided(compiled(text), app="tickets", tool="draft_reply", args=ARGS) == "tool.not-granted"


@pytest.mark.parametrize(
    "grant", ["access: [write]", 'tools: ["draft_*", "close_*"]', "tools: [draft_reply]"]
)
def test_what_nobody_reviewed_is_never_granted(grant: str) -> None:
    """A server's own word about its tools is not trusted: a person looks first."""
    text = tools(f"  - {{app: tickets, {grant}}}\n")
    text = swapped("name: draft_reply, access: write", "name: draft_reply, access: write, review: true", text)

    assert decided(compiled(text), app="tickets", tool="draft_reply", args=ARGS) == "tool.unknown"


def test_silence_grants_nothing() -> None:
    """Absent sections refuse: no tools, no data, no groups."""
    bare = swapped("data:\n  allow: [public, internal, pii.contact]\n", "")

    assert decided(compiled(tools("  []\n")), app="tickets", tool="get_ticket") == "tool.not-granted"
    assert decided(compiled(bare), app="tickets", tool="get_ticket") == "data.not-allowed"
    assert errors(swapped("users: {groups: [support-agents]}\n", "")) == ["1:1: `users` is missing"]
    without_agents = WHOLE.split("agents:\n")[0] + "tools:\n" + WHOLE.split("tools:\n", 1)[1]
    assert errors(without_agents) == ["1:1: `agents` is missing"]


@pytest.mark.parametrize(
    ("section", "code"),
    [
        ("users: {}", "user.not-in-persona"),
        ("users: {groups: []}", "user.not-in-persona"),
        ("users: {ids: [carol@example.com]}", "user.not-in-persona"),
        ("users: {ids: [alice@example.com]}", ""),
    ],
)
def test_users_are_named_or_in_a_group(section: str, code: str) -> None:
    """Nobody is admitted by an empty list."""
    made = compiled(swapped("users: {groups: [support-agents]}", section))

    answer = decided(made, user="alice@example.com", app="tickets", tool="get_ticket")

    assert answer == (code or "allow")


@pytest.mark.parametrize(
    ("user", "code"),
    [
        ("alice@example.com", "allow"),
        ("Alice@example.com", "user.unknown"),
        ("bob@example.com", "user.inactive"),
        ("carol@example.com", "user.not-in-persona, user.not-entitled"),
        ("mallory@example.com", "user.unknown"),
    ],
)
def test_the_user_must_be_known_active_and_of_the_persona(user: str, code: str) -> None:
    """Layer 1, each of its reasons."""
    assert decided(compiled(), user=user, app="tickets", tool="get_ticket") == code


def test_the_user_is_the_ceiling() -> None:
    """A persona never grants more than its user has."""
    text = swapped("{app: tickets, access: [read, write]}", "{app: tickets, tools: [get_*]}")

    assert decided(compiled(text), app="tickets", tool="get_ticket") == "allow"
    assert decided(compiled(text), app="tickets", tool="search_tickets") == "user.not-entitled"


@pytest.mark.parametrize(
    ("agent", "code"),
    [
        ({"id": "summarizer", "model": "claude-x", "version": "1.5", "deployment": "prod-eu"}, "allow"),
        ({"id": "other", "model": "claude-x", "version": "1.5", "deployment": "prod-eu"}, "agent.unknown"),
        ({"id": "summarizer", "model": "gpt", "version": "1.5", "deployment": "prod-eu"}, "agent.model"),
        (
            {"id": "summarizer", "model": "claude-x", "version": "2.0", "deployment": "prod-eu"},
            "agent.version",
        ),
        (
            {"id": "summarizer", "model": "claude-x", "version": "new", "deployment": "prod-eu"},
            "agent.version",
        ),
        (
            {"id": "summarizer", "model": "claude-x", "version": "1.5", "deployment": "dev"},
            "agent.deployment",
        ),
        ("summarizer", "agent.model"),
    ],
)
def test_one_entry_of_agents_must_match_whole(agent: object, code: str) -> None:
    """The reason says which part of the nearest entry failed."""
    assert decided(compiled(), agent=agent, app="tickets", tool="get_ticket") == code


def test_external_people_are_warnings() -> None:
    """Groups and users may be known only to SCIM; a typing error is still told."""
    text = swapped("kind: Directory\n", "kind: Directory\nexternal: true\n")
    text = swapped("users: {groups: [support-agents]}", "users: {groups: [support-agent]}", text)

    assert warnings(text) == [
        "4:18: group `support-agent` is not in these definitions, did you mean `support-agents`?"
    ]
    assert errors(text.replace("external: true\n", "")) == [
        "4:18: unknown group `support-agent`, did you mean `support-agents`?"
    ]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("{allow: [internal]}", "allow"),
        ("{allow: [internal.notes]}", "data.not-allowed"),
        ("{allow: [public]}", "data.not-allowed"),
        ("{allow: []}", "data.not-allowed"),
        ("{allow: [internal], ceiling: internal}", "allow"),
        ("{allow: [internal], ceiling: public}", "data.not-allowed"),
    ],
)
def test_each_class_must_be_allowed_and_under_the_ceiling(data: str, code: str) -> None:
    """The general covers the particular, and never the other way round."""
    text = swapped("data:\n  allow: [public, internal, pii.contact]\n", f"data: {data}\n")

    assert decided(compiled(text), app="tickets", tool="get_ticket") == code


@pytest.mark.parametrize(("word", "code"), [("deny", "data.unlabelled"), ("allow", "allow")])
def test_what_nobody_labelled_is_denied_unless_the_persona_says_otherwise(word: str, code: str) -> None:
    """An absent label is not a harmless one."""
    text = swapped("name: get_ticket, access: read, data: [internal]", "name: get_ticket, access: read")
    text = swapped("pii.contact]\n", f"pii.contact]\n  unlabelled: {word}\n", text)

    assert decided(compiled(text), app="tickets", tool="get_ticket") == code


SENSITIVITY = (
    "---\napiVersion: personas/v1\nkind: Labels\nclasses: {pii: confidential, pii.contact: internal}\n"
)


@pytest.mark.parametrize(
    ("classes", "ceiling", "code"),
    [
        ("pii.contact", "internal", "allow"),
        ("pii.health", "internal", "data.not-allowed"),
        ("pii.health", "confidential", "allow"),
        ("unheard-of", "restricted", "data.not-allowed"),
        ("restricted", "restricted", "allow"),
    ],
)
def test_sensitivity_is_of_the_nearest_class_above(classes: str, ceiling: str, code: str) -> None:
    """A class of unknown sensitivity is above every ceiling."""
    text = swapped(
        "get_ticket, access: read, data: [internal]", f"get_ticket, access: read, data: [{classes}]"
    )
    text = swapped(
        "[public, internal, pii.contact]", f"[pii, unheard-of, restricted]\n  ceiling: {ceiling}", text
    )

    assert decided(compiled(text + SENSITIVITY), app="tickets", tool="get_ticket") == code


def test_the_highest_sensitivity_said_anywhere_holds() -> None:
    """An app's owner cannot declassify what the privacy team labelled."""
    text = swapped("metadata: {name: tickets}\n", "metadata: {name: tickets}\nsensitivity: {pii: public}\n")

    assert compiled(text + SENSITIVITY).definitions.personas["support"].data.sensitivity["pii"] == 2


@pytest.mark.parametrize(("clearance", "code"), [("public", "data.not-allowed"), ("internal", "allow")])
def test_the_clearance_of_the_user_is_a_ceiling_too(clearance: str, code: str) -> None:
    """What a person may not see, an agent may not see for them."""
    text = swapped(
        "groups: [support-agents]}\n  - {id: bob",
        f"groups: [support-agents], clearance: {clearance}}}\n  - {{id: bob",
    )

    assert decided(compiled(text), app="tickets", tool="get_ticket") == code


def test_a_grant_over_very_many_tools_is_looked_up_and_not_copied() -> None:
    """A thousand personas over ten thousand tools would fill the memory."""
    many = "".join(f"  - {{name: tool_{at}, access: send, data: [internal]}}\n" for at in range(1000))
    text = tools(
        '  - {app: tickets, tools: ["tool_*"], except: ["*_7"]}\n  - {app: tickets, tools: [tool_7]}\n'
    )
    text = swapped("resources:", f"{many}resources:", text)
    text = swapped("{app: tickets, access: [read, write]}", "{app: tickets, access: [read, send]}", text)
    made = compiled(text)
    index = made.definitions.personas["support"].grants["tickets"].by_tool

    assert isinstance(index, Wide)
    assert [one.id for one in index["tool_7"]] == ["tools[0]", "tools[1]"]
    assert (len(index), len(set(index)), index.get("get_ticket", ())) == (1000, 1000, ())
    assert decided(made, app="tickets", tool="tool_999") == "allow"
    assert decided(made, app="tickets", tool="tool_7") == "allow"
    assert decided(made, app="tickets", tool="get_ticket") == "tool.not-granted"
