"""Which tokens and workloads are believed, and whom they stand for; compiled from `kind: Bindings`."""

from collections.abc import Mapping
from dataclasses import dataclass

from authz.core.app import NOWHERE, Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A value: fixed, or what a claim says, translated where a table is given."""

    value: str | None = None
    claim: tuple[str, ...] = ()
    """Path into the claims; empty with a fixed value."""
    table: Mapping[str, str] | None = None
    """What the claim's values mean; a value that is not here means nothing."""
    separated: bool = False
    """Whether the claim is one text of several values with spaces between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A claim must hold one of these values."""

    claim: tuple[str, ...]
    one_of: frozenset[str]
    separated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """Tokens of one issuer, and whom they stand for. Nothing that is not mapped is believed."""

    name: str
    issuer: str
    """`iss`, character by character."""
    audiences: frozenset[str]
    """One of them must be in `aud`."""
    jwks: str
    """URL of the issuer's keys: from here only, whatever a token says."""
    algorithms: frozenset[str]
    types: frozenset[str] = frozenset()
    """Admitted `typ`, lower case; empty admits `JWT`, `at+jwt` and none."""
    header: str = "authorization"
    """Request header that carries the token, lower case."""
    require: tuple[Requirement, ...] = ()
    subject: tuple[str, ...] = ("sub",)
    """Claim that, with the issuer, names the user in the Directory; empty with a fixed user."""
    user: str | None = None
    """The user for whom tokens without a person act."""
    agent: Pick
    model: Pick | None = None
    version: Pick | None = None
    deployment: Pick | None = None
    persona: Pick
    place: Place = NOWHERE


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadBinding:
    """A workload that mTLS proves, and whom it stands for without any credential."""

    principal: str
    """Peer identity as Envoy states it, character by character."""
    agent: str
    user: str
    persona: str
    model: str | None = None
    version: str | None = None
    deployment: str | None = None
    place: Place = NOWHERE
