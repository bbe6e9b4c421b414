"""Builders for rules, personas and calls; times are seconds after one Monday morning."""

from datetime import UTC, datetime, timedelta

from authz.behaviour import lets_pass
from authz.core.app import Access, Tool
from authz.core.call import Action, Agent, Call, Caller, Json, Kind
from authz.core.decide import conclude, judge
from authz.core.decision import Decision
from authz.core.history import History
from authz.core.persona import AgentEntry, AppGrants, DataPolicy, Grant, Persona
from authz.core.reason import Reason
from authz.core.rule import Rule, Watch
from authz.core.user import Entitlement, User
from authz.stores.histories_memory import MemoryHistories

START = datetime(2026, 11, 23, 9, tzinfo=UTC)


def build_call(  # noqa: PLR0913 - a call has this many sides
    second: float,
    *,
    tool: str = "read",
    access: str = "read",
    classes: tuple[str, ...] = (),
    target: str | None = None,
    args: dict[str, Json] | None = None,
    agent: str = "coder",
    user: str = "alice",
    key: str = "k1",
    persona: str = "coding",
    kind: Kind = Kind.TOOL,
) -> Call:
    """One call, `second` seconds after the start."""
    definition = Tool(app="files", name=tool, access=Access(access), classes=frozenset(classes))
    return Call(
        at=START + timedelta(seconds=second),
        caller=Caller(agent=Agent(id=agent), user=user, persona=persona, key=key),
        action=Action(
            protocol="mcp",
            app="files",
            name=tool,
            kind=kind,
            tool=definition,
            args=args or {},
            target=target,
        ),
        classes=frozenset(classes),
    )


def build_rule(watch: Watch, maximum: float, name: str = "rule", **more: object) -> Rule:
    """One rule."""
    fields: dict[str, object] = {"reason": Reason.BEHAVIOUR_LIMIT, **more}
    return Rule(name=name, watch=watch, maximum=maximum, **fields)  # type: ignore[arg-type]  # any of its fields


def build_persona(*rules: Rule, **more: object) -> Persona:
    """A persona with these rules."""
    fields: dict[str, object] = {"name": "coding", "version": "1", "digest": "sha256:0", **more}
    return Persona(rules=rules, **fields)  # type: ignore[arg-type]  # any of its fields


ALICE = User(id="alice", active=True, entitlements={"files": Entitlement(access=frozenset(Access))})
"""Entitled to everything in `files`."""


def build_job(*rules: Rule, **more: object) -> Persona:
    """A persona with these rules that lets `coder` do everything in `files` on behalf of `alice`."""
    grant = Grant(id="tools[0]", app="files")
    in_files = AppGrants(by_access=dict.fromkeys(Access, (grant,)), session=grant)
    fields: dict[str, object] = {
        "users": frozenset({"alice"}),
        "agents": (AgentEntry(id="coder"),),
        "grants": {"files": in_files},
        "data": DataPolicy(allow=frozenset({"internal", "untrusted"}), unlabelled=True),
        **more,
    }
    return build_persona(*rules, **fields)


def decide_one(
    histories: MemoryHistories, one: Call, job: Persona, decision: str = ""
) -> tuple[Decision, History]:
    """The way of a call from the history on."""
    judgement = judge(one, job, ALICE)
    history = histories.observe(one, job, lets_pass(judgement, job), decision=decision)
    return conclude(judgement, one, job, history), history
