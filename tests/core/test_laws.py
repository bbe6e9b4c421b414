"""The laws of the decision, over personas, people and calls that nobody thought of."""

import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from authz.compiler.compilation import compile_documents
from authz.compiler.problem import Problems
from authz.compiler.source import Document
from authz.core.app import Tool
from authz.core.call import Action, Agent, Call, Caller, Json, Kind
from authz.core.checks import agent_admitted, data_allowed, tool_granted, user_entitled, user_known
from authz.core.decide import decide
from authz.core.decision import Allow, Decision, Effect, Objection, objections
from authz.core.definitions import Definitions
from authz.core.history import History
from authz.core.persona import Persona
from authz.core.reason import WAIVED_BY_SHADOW, Reason
from authz.label import labels_of

Written = dict[str, Any]
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
LAW = settings(max_examples=1000, deadline=None)
ACCESS = ("read", "write", "delete", "execute", "send")
CLASSES = ("public", "internal", "pii", "pii.contact", "untrusted", "restricted")
LEVELS = ("public", "internal", "confidential", "restricted")
TOOLS: dict[str, tuple[tuple[str, str, tuple[str, ...]], ...]] = {
    "a": (
        ("get", "read", ("internal",)),
        ("get_all", "read", ("pii.contact", "internal")),
        ("put", "write", ("pii",)),
        ("plain", "read", ()),
    ),
    "b": (("get", "read", ("public",)), ("send", "send", ("untrusted", "restricted"))),
}


def _app(name: str) -> Written:
    return {
        "apiVersion": "personas/v1",
        "kind": "App",
        "metadata": {"name": name},
        "protocol": "mcp",
        "targets": {"secret-*": ["restricted"]},
        "sensitivity": {"pii": "confidential"},
        "tools": [
            {
                "name": tool,
                "access": access,
                "data": list(classes),
                "target": "x",
                "labels": {"y": {"*@example.com": ["pii.contact"]}} if tool == "put" else {},
            }
            for tool, access, classes in TOOLS[name]
        ],
    }


APPS = [_app(name) for name in TOOLS]


# Whole pieces to choose from: drawing each word of a definition by itself takes longer than judging it.
CHANCE = Random(7)  # noqa: S311 - the same pieces in every run


def some(values: Sequence[str], least: int = 0) -> list[str]:
    """Some of the values."""
    return CHANCE.sample(values, CHANCE.randint(least, len(values)))


def _grant() -> Written:
    app = CHANCE.choice("aab")
    names = [tool for tool, _, _ in TOOLS[app]]
    grant: Written = {"app": app}
    if CHANCE.random() < 0.5:
        grant["access"] = some(ACCESS, 1)
    if "access" not in grant or CHANCE.random() < 0.3:
        grant["tools"] = some([*names, "*", "g*"], 1)
    if CHANCE.random() < 0.3:
        grant["except"] = some(names)
    if CHANCE.random() < 0.3:
        grant["where"] = {"x": {"max_length": CHANCE.randint(0, 8)}}
    return grant


def _entitlement() -> Written:
    app = CHANCE.choice("ab")
    if CHANCE.random() < 0.7:
        return {"app": app, "access": some(ACCESS, 1)}
    return {"app": app, "tools": some([*(tool for tool, _, _ in TOOLS[app]), "g*"], 1)}


def _asked() -> "Asked":
    app = CHANCE.choice("aab")
    sound = Asked(
        app,
        CHANCE.choice([name for name, _, _ in TOOLS[app]]),
        Kind.TOOL,
        {"x": "T-1", "y": "a"},
        Agent(id="agent", model="m1", version="1.5"),
        "u",
        1.0,
    )
    if CHANCE.random() < 0.6:
        return sound
    flaws: list[Written] = [
        {"app": "c"},
        {"app": None},
        {"tool": "nothing"},
        *({"kind": kind} for kind in (Kind.SESSION, Kind.UNKNOWN, Kind.ANSWER)),
        *({"args": {"x": x, "y": "a"}} for x in ("secret-1", "a long text", 7, None)),
        *({"args": {"x": "T-1", "y": word}} for word in ("b@example.com", "c@example.com")),
        *({"agent": Agent(id=name, model="m1", version="1.5")} for name in ("x", "stranger")),
        {"agent": Agent(id="agent")},
        {"agent": Agent(id="agent", model="m1", version="3")},
        {"args": {"x": "T-1"}},
        {"user": "nobody"},
        *({"figure": figure} for figure in (None, 6.0, math.nan, math.inf)),
    ]
    return replace(sound, **CHANCE.choice(flaws))


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked, before it is looked up in the definitions."""

    app: str | None
    tool: str
    kind: Kind
    args: dict[str, Json]
    agent: Agent
    user: str
    figure: float | None


EVERYTHING: list[Written] = [{"app": app, "access": list(ACCESS)} for app in "aaab"]
GRANTS = st.sampled_from(EVERYTHING * 20 + [_grant() for _ in range(200)])
ENTITLEMENTS = st.sampled_from(EVERYTHING * 20 + [_entitlement() for _ in range(100)])
AGENTS = st.sampled_from(
    [
        *[{"id": "agent"}] * 4,
        {"id": "agent", "models": ["m*"]},
        {"id": "agent", "versions": ">=1,<2"},
        {"id": "x"},
    ]
)
DATA = st.sampled_from(
    [
        {"allow": allow, "unlabelled": unlabelled, **ceiling}
        for allow in (*[list(CLASSES)] * 6, [], ["pii"], ["internal", "public"])
        for unlabelled in ("deny", "allow")
        for ceiling in (*[{}] * 12, *({"ceiling": level} for level in LEVELS))
    ]
)
USERS = st.sampled_from(
    [
        {"id": "u", "active": active, "groups": groups, **clearance}
        for active in (*[True] * 9, False)
        for groups in (["g1"], ["g2"], ["g3"], ["g1", "g2"], ["g1", "g2", "g3"])
        for clearance in (*[{}] * 12, *({"clearance": level} for level in LEVELS))
    ]
)
PEOPLE = st.sampled_from([*[{"groups": ["g1", "g2", "g3"]}] * 5, {"groups": ["g3"]}, {"ids": ["u"]}, {}])
WORDS = st.sampled_from([(mode, drift) for mode in ("enforce", "shadow") for drift in ("deny", "flag")])


def _persona(parts: tuple[Any, ...]) -> Written:
    (mode, drift), users, agents, tools, data = parts
    return {
        "apiVersion": "personas/v1",
        "kind": "Persona",
        "metadata": {"name": "p"},
        "mode": mode,
        "users": {"groups": [], "ids": [], **users},
        "agents": agents,
        "tools": tools,
        "data": data,
        "behaviour": {"limits": [{"name": "pace", "calls": 5, "per": "1m", "on_drift": drift}]},
    }


def _directory(parts: tuple[Any, ...]) -> Written:
    user, *groups = parts
    return {
        "apiVersion": "personas/v1",
        "kind": "Directory",
        "external": True,
        "users": [user],
        "groups": [{"name": f"g{at}", "entitlements": held} for at, held in enumerate(groups, 1)],
    }


def personas() -> st.SearchStrategy[Written]:
    """A persona."""
    agents = st.lists(AGENTS, min_size=1, max_size=2)
    return st.tuples(WORDS, PEOPLE, agents, st.lists(GRANTS, min_size=1, max_size=3), DATA).map(_persona)


def directories() -> st.SearchStrategy[Written]:
    """Three groups, and one user."""
    held = st.lists(ENTITLEMENTS, min_size=1, max_size=3)
    return st.tuples(USERS, held, held, held).map(_directory)


def asked() -> st.SearchStrategy[Asked]:
    """A call, mostly of something that exists."""
    return st.sampled_from(CALLS)


CALLS = [_asked() for _ in range(2000)]


def build(*documents: Written) -> Definitions:
    """The documents, compiled."""
    read = [Document(f"{at}.yaml", one, 0) for at, one in enumerate(documents)]
    return compile_documents(read, Problems()).definitions


def call_of(what: Asked, made: Definitions) -> Call:
    """The call, as decoding and labelling would make it."""
    app = made.apps.get(what.app or "")
    named = what.kind is Kind.TOOL and app is not None
    tool: Tool | None = app.tools.get(what.tool) if named and app is not None else None
    target = what.args["x"]
    action = Action(
        protocol="mcp",
        app=what.app,
        name=what.tool,
        kind=what.kind,
        tool=tool,
        args=what.args,
        target=None if target is None else str(target),
    )
    classes, unlabelled = labels_of(action)
    caller = Caller(agent=what.agent, user=what.user, persona="p")
    return Call(at=NOW, caller=caller, action=action, classes=classes, unlabelled=unlabelled)


def answer(what: Asked, *documents: Written) -> Decision:
    """What is decided under these definitions."""
    made = build(*documents)
    persona = made.personas["p"]
    return decide(call_of(what, made), persona, made.users.get(what.user), History(figures=(what.figure,)))


def said(decision: Decision) -> tuple[Effect, set[Reason]]:
    """What a decision comes to."""
    return decision.effect, {one.reason for one in objections(decision)}


@LAW
@given(personas(), directories(), asked())
def test_no_allow_without_a_grant_and_an_entitlement(persona: Written, people: Written, what: Asked) -> None:
    """Permission comes from both, never from the absence of an objection."""
    made = build(persona, people, *APPS)
    job = made.personas["p"]
    decision = decide(call_of(what, made), job, made.users.get(what.user), History(figures=(what.figure,)))

    if isinstance(decision, Allow):
        user = made.users[what.user]
        call = call_of(what, made)
        tool = call.action.tool
        held = user.entitlements[what.app or ""]
        assert user.active
        assert decision.grant.app == what.app
        assert persona["tools"][int(decision.grant.id[6:-1])]["app"] == what.app
        assert what.kind in (Kind.SESSION, Kind.ANSWER) or (
            tool is not None
            and (tool.access in held.access or tool.name in held.tools)
            and tool.name not in decision.grant.except_tools
        )


def weaker(persona: Written, people: Written) -> Iterator[tuple[Written, Written]]:
    """Each way to take one permission away."""
    for section, key in (
        ("tools", None),
        ("agents", None),
        ("users", "groups"),
        ("users", "ids"),
        ("data", "allow"),
    ):
        for index in range(len(persona[section] if key is None else persona[section][key])):
            less = deepcopy(persona)
            del (less[section] if key is None else less[section][key])[index]
            yield less, people
    for index in range(len(people["users"][0]["groups"])):
        fewer = deepcopy(people)
        del fewer["users"][0]["groups"][index]
        yield persona, fewer
    for at, group in enumerate(people["groups"]):
        for index in range(len(group["entitlements"])):
            fewer = deepcopy(people)
            del fewer["groups"][at]["entitlements"][index]
            yield persona, fewer
    yield persona, {**deepcopy(people), "users": []}


@LAW
@given(personas(), directories(), asked(), st.data())
def test_taking_a_permission_away_never_permits(
    persona: Written, people: Written, what: Asked, data: st.DataObject
) -> None:
    """Of a grant, a group, an entitlement, an agent, or a label's permission."""
    less, fewer = data.draw(st.sampled_from(list(weaker(persona, people))))

    before = answer(what, persona, people, *APPS)
    after = answer(what, less, fewer, *APPS)

    assert isinstance(before, Allow) or not isinstance(after, Allow)
    assert before.effect.passes or not after.effect.passes


@LAW
@given(personas(), directories(), asked(), st.sampled_from((*CLASSES, "unheard-of")))
def test_a_further_label_never_permits(persona: Written, people: Written, what: Asked, label: str) -> None:
    """More sensitive is never easier.

    A call without any label is the one exception, and is meant: `unlabelled: deny` asks for labels, and who
    gives the first one answers it.
    """
    made = build(persona, people, *APPS)
    job, user = made.personas["p"], made.users.get(what.user)
    call = call_of(what, made)
    assume(call.classes or job.data.unlabelled)
    history = History(figures=(what.figure,))

    before = decide(call, job, user, history)
    after = decide(replace(call, classes=call.classes | {label}), job, user, history)

    assert isinstance(before, Allow) or not isinstance(after, Allow)


def waived(code: str) -> bool:
    """The contracts' sentence on shadow mode, once more and by itself."""
    family = code.partition(".")[0]
    if code in ("user.not-in-persona", "user.not-entitled"):
        return True
    if family == "tool":
        return code != "tool.definition-changed"
    if family == "agent":
        return code != "agent.unknown"
    return family in ("data", "behaviour")


@LAW
@given(personas(), directories(), asked())
def test_shadow_waives_what_the_contracts_say_and_never_more(
    persona: Written, people: Written, what: Asked
) -> None:
    """A persona on trial must not let strangers in."""
    enforced = answer(what, {**persona, "mode": "enforce"}, people, *APPS)
    shadowed = answer(what, {**persona, "mode": "shadow"}, people, *APPS)

    assert objections(shadowed) == objections(enforced)
    assert isinstance(shadowed, Allow) == isinstance(enforced, Allow)
    against = [
        one.reason.value for one in objections(enforced) if one.drift is None or one.drift.value != "flag"
    ]
    assert shadowed.effect.passes == (isinstance(enforced, Allow) or all(map(waived, against)))


def test_every_reason_is_waived_or_not_as_the_contracts_say() -> None:
    """The table is short enough to be checked whole."""
    assert {one for one in Reason if waived(one.value)} == WAIVED_BY_SHADOW


@LAW
@given(personas(), directories(), asked(), st.integers(0, 2**32))
def test_order_changes_no_decision(persona: Written, people: Written, what: Asked, seed: int) -> None:
    """Documents, grants, agents, groups and entitlements are sets, whatever order they are written in."""
    random = Random(seed)  # noqa: S311 - an order, and no secret
    other, others, apps = deepcopy(persona), deepcopy(people), deepcopy(APPS)
    for one in (
        other["tools"],
        other["agents"],
        other["data"]["allow"],
        others["groups"],
        *(a["tools"] for a in apps),
    ):
        random.shuffle(one)
    documents = [other, others, *apps]
    random.shuffle(documents)

    assert said(answer(what, *documents)) == said(answer(what, persona, people, *APPS))


@LAW
@given(personas(), directories(), asked(), st.permutations(range(5)))
def test_the_order_of_checks_changes_no_decision(
    persona: Written, people: Written, what: Asked, order: list[int]
) -> None:
    """A check judges one thing and knows of no other."""
    made = build(persona, people, *APPS)
    job, user, call = made.personas["p"], made.users.get(what.user), call_of(what, made)
    checks = (user_known, user_entitled, agent_admitted, tool_granted, data_allowed)

    found = [checks[index](call, job, user) for index in order]

    expected = {one for one in found if isinstance(one, Objection)}
    quiet = History(figures=(None,))
    assert {one for one in objections(decide(call, job, user, quiet)) if one.drift is None} == expected


@LAW
@given(personas(), directories(), asked())
def test_the_same_input_gives_the_same_output(persona: Written, people: Written, what: Asked) -> None:
    """No clock, no chance, no memory."""
    made = build(persona, people, *APPS)
    again: Persona = build(deepcopy(persona), deepcopy(people), *APPS).personas["p"]
    call, user, history = call_of(what, made), made.users.get(what.user), History(figures=(what.figure,))

    first = decide(call, made.personas["p"], user, history)

    assert decide(call, made.personas["p"], user, history) == first
    other = decide(call, again, user, history)
    assert (other.effect, objections(other)) == (first.effect, objections(first))
    assert made.personas["p"].digest == again.digest
