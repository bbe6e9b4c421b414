"""People, and the ceiling that their entitlements put over every persona."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from authz.core.app import NOWHERE, Access, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """What a user may do in one app, all groups together."""

    access: frozenset[Access] = frozenset()
    """Every tool, resource and prompt with this access."""
    tools: frozenset[str] = frozenset()
    """These tools, by name, whatever their access."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person of the directory."""

    id: str
    active: bool
    groups: frozenset[str] = frozenset()
    entitlements: Mapping[str, Entitlement] = field(default_factory=dict)
    """By app. What is not here is not permitted, whatever a persona grants."""
    clearance: int | None = None
    """Highest sensitivity this user may see; None means that no clearance was stated."""
    place: Place = NOWHERE
    """Where the directory names this person."""
