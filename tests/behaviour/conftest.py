"""Builders for rules, personas and calls; times are seconds after one Monday morning."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from authz.core.app import Access, Tool
from authz.core.call import Action, Agent, Call, Caller, Json, Kind
from authz.core.persona import Persona
from authz.core.reason import Reason
from authz.core.rule import Rule, Watch

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


@pytest.fixture
def call() -> Callable[..., Call]:
    """Makes a call."""
    return build_call


@pytest.fixture
def rule() -> Callable[..., Rule]:
    """Makes a rule."""
    return build_rule


@pytest.fixture
def persona() -> Callable[..., Persona]:
    """Makes a persona of rules."""
    return build_persona
