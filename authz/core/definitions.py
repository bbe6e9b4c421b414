"""A compiled set of definitions: immutable, swapped whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from authz.core.app import App
from authz.core.persona import Persona
from authz.core.user import Entitlement, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """Everything that is enforced."""

    apps: Mapping[str, App] = field(default_factory=dict)
    personas: Mapping[str, Persona] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    groups: Mapping[str, Mapping[str, Entitlement]] = field(default_factory=dict)
    """Entitlements by app, by group: what a user of that group may do, whoever adds the user."""
    subjects: Mapping[str, str] = field(default_factory=dict)
    """User id by `issuer|subject` of an identity provider."""
    digest: str = ""
    """`sha256:` and hex, over all definitions."""
