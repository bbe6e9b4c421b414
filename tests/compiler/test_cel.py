"""CEL: types checked at load, anything but true denies, and nothing that an agent sends makes it slow."""

import time
from datetime import UTC, datetime

import pytest

from authz.compiler.cel import MAX_EXPRESSION, ConditionError, compile_when
from authz.core.app import Access, Tool
from authz.core.call import Action, Agent, Call, Caller, Json
from authz.core.user import User

ALICE = User(id="alice@example.com", active=True, groups=frozenset({"support-agents", "staff"}))


def call(args: dict[str, Json] | None = None, model: str | None = "claude-x") -> Call:
    """A call that draws on every variable."""
    return Call(
        at=datetime(2026, 3, 2, 10, 30, tzinfo=UTC),
        caller=Caller(agent=Agent(id="summarizer", model=model), user=ALICE.id, persona="support"),
        action=Action(
            protocol="mcp",
            app="tickets",
            name="draft_reply",
            tool=Tool(app="tickets", name="draft_reply", access=Access.WRITE),
            args=args or {},
            target="T-1",
        ),
    )


@pytest.mark.parametrize(
    "text",
    [
        "args.body.size() < 4000",
        "args['body'].startsWith('he')",
        'user.id == "alice@example.com"',
        '"staff" in user.groups',
        'agent.id == "summarizer" && agent.model.startsWith("claude-")',
        'call.app == "tickets" && call.tool == "draft_reply"',
        'call.access == "write" && call.target == "T-1"',
        'call.at < timestamp("2027-01-01T00:00:00Z") && call.at.getHours() == 10',
        "args.list.all(x, x < 4)",
        "has(args.body) && !has(args.other)",
        "args.yes",
        "user . id == 'alice@example.com'",
    ],
)
def test_a_true_condition_does_not_object(text: str) -> None:
    """All that an expression may speak of is there."""
    args: dict[str, Json] = {"body": "hello", "list": [1, 2, 3], "yes": True}

    assert compile_when(text).objection(call(args), ALICE) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("args.body.size() > 4000", "is false"),
        ("args.absent == 1", "Key not found"),
        ("args.body < 5", "No matching overloads"),
        ("args.body", "hello"),
        ("agent.version == '1'", "agent.version"),
        ("agent.version != '1'", "agent.version"),
        ("args.list.all(a, args.list.all(b, args.list.all(c, args.list.all(d, a+b+c+d >= 0))))", "budget"),
        ("args.big == 1", "out of range"),
        ("args.half == 'x'", "condition"),
    ],
)
def test_anything_but_true_objects_and_says_why(text: str, why: str) -> None:
    """An error is no permission, whichever way the comparison points."""
    args: dict[str, Json] = {"body": "hello", "list": list(range(30))}
    args |= {"big": 2**80} if "big" in text else {"half": "\ud800"} if "half" in text else {}

    said = compile_when(text).objection(call(args), ALICE)

    assert said is not None
    assert why in said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("args.body.size() <", "mismatched input"),
        ("user.idd == 'x'", "undeclared reference to `user.idd`"),
        ("user == 'x'", "undeclared reference to `user`"),
        ("user.id == 3", "no matching overload"),
        ("args.body.size() < 'a'", "no matching overload"),
        ("call.at > 3", "no matching overload"),
        ("env.HOME == 'x'", "undeclared reference"),
        ("args.a.nothing()", "undeclared reference to `nothing`"),
        ("args.a + 1", "gives int, not true or false"),
        ("user.id", "gives string, not true or false"),
        ("", "mismatched input"),
        ("true || " * 2000 + "true", f"is longer than {MAX_EXPRESSION} characters"),
    ],
)
def test_names_and_types_are_checked_at_load(text: str, why: str) -> None:
    """A typing error in a condition is found by its author and not by its agent."""
    with pytest.raises(ConditionError) as caught:
        compile_when(text)

    assert why in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "args"),
    [
        ("args.l.all(x, args.t.contains(x))", {"l": ["zz"] * 9_000, "t": "a" * 1_000_000}),
        ("args.l.all(x, args.l.all(y, args.t.matches('(a|b)*c')))", {"l": ["a"] * 99, "t": "ab" * 400_000}),
        ("args.l.all(x, args.l.all(y, x + y + args.t != ''))", {"l": ["a"] * 99, "t": "a" * 100_000}),
        ("args.t.matches(args.p)", {"t": "a" * 100_000, "p": "(a*)*" * 200 + "b"}),
        ("args.t.matches('(a*)*b')", {"t": "a" * 1_000_000}),
    ],
)
def test_arguments_cannot_make_a_condition_slow(text: str, args: dict[str, Json]) -> None:
    """One call must not hold up the others: what would cost too much is denied instead."""
    condition = compile_when(text)
    before = time.process_time()

    said = condition.objection(call(args), ALICE)

    assert said is not None
    assert time.process_time() - before < 0.5


def test_arguments_that_are_too_deep_are_denied() -> None:
    """The library follows them on the machine's stack, which ends the process when it overflows."""
    deep: Json = 1
    for _ in range(100_000):
        deep = [deep]

    said = compile_when("args.x == 1").objection(call({"x": deep}), ALICE)
    # Taken apart by hand: Python's own clean-up recurses as well.
    while isinstance(deep, list):
        deep = deep.pop()

    assert said is not None
    assert "too large to judge" in said
