"""A compiled set of definitions: immutable, swapped whole."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from authz.core.app import App
from authz.core.binding import Binding, WorkloadBinding
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
    bindings: tuple[Binding, ...] = ()
    """Tokens that are believed."""
    workloads: Mapping[str, WorkloadBinding] = field(default_factory=dict)
    """Workloads that need no credential, by the peer identity that mTLS proves."""
    digest: str = ""
    """`sha256:` and hex, over all definitions."""
