"""A persona as compiled: indexed so that one look-up finds what grants an action."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from authz.core.app import NOWHERE, Access, Place
from authz.core.call import Call
from authz.core.rule import Hours, Rule
from authz.core.user import User


class Mode(StrEnum):
    """Whether the persona's refusals are carried out."""

    ENFORCE = "enforce"
    SHADOW = "shadow"


class Condition(Protocol):
    """`when:` or `where:` of a grant. Total: an error of any kind is an objection."""

    def objection(self, call: Call, user: User | None) -> str | None:
        """What is wrong with the call, or None when the condition holds."""
        ...


class Text(Protocol):
    """A test of one text: a glob over models, a range of versions."""

    def __call__(self, text: str, /) -> bool:
        """Whether `text` passes."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEntry:
    """One agent that may assume the persona. What is None was not asked for; the rest must match."""

    id: str
    model: Text | None = None
    version: Text | None = None
    deployments: frozenset[str] | None = None
    workload: str | None = None
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One entry of `tools:`."""

    id: str
    """Unique within the persona: `tools[0]`."""
    app: str
    conditions: tuple[Condition, ...] = ()
    except_tools: frozenset[str] = frozenset()
    """Names taken out of a grant by access."""
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class AppGrants:
    """All grants of a persona in one app."""

    by_tool: Mapping[str, tuple[Grant, ...]] = field(default_factory=dict)
    """By tool name, globs already expanded."""
    by_access: Mapping[Access, tuple[Grant, ...]] = field(default_factory=dict)
    session: Grant | None = None
    """Any one grant: what session and discovery methods stand on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DataPolicy:
    """Layer 3b."""

    allow: frozenset[str] = frozenset()
    unlabelled: bool = False
    """Whether a call whose data nobody labelled may pass."""
    ceiling: int | None = None
    """Highest sensitivity; None means that no ceiling was stated."""
    sensitivity: Mapping[str, int] = field(default_factory=dict)
    """Sensitivity by class, the general covering the particular; needed with a ceiling or a clearance."""


NO_DATA = DataPolicy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Persona:
    """The job of an agent."""

    name: str
    version: str
    digest: str
    """`sha256:` and hex, over the definition as written."""
    mode: Mode = Mode.ENFORCE
    users: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    agents: tuple[AgentEntry, ...] = ()
    grants: Mapping[str, AppGrants] = field(default_factory=dict)
    """By app."""
    data: DataPolicy = NO_DATA
    hours: Hours | None = None
    rules: tuple[Rule, ...] = ()
    place: Place = NOWHERE
    sections: Mapping[str, Place] = field(default_factory=dict)
    """Where `users`, `agents`, `tools` and `data` stand."""
