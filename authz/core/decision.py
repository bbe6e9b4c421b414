"""The decision, as a value that cannot permit by accident."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from authz.core.app import NOWHERE, Place
from authz.core.call import Caller
from authz.core.persona import Grant
from authz.core.reason import LAYER_OF, Layer, Reason
from authz.core.rule import Drift


class Effect(StrEnum):
    """What becomes of the call."""

    ALLOWED = "allowed"
    DENIED = "denied"
    SHADOWED = "shadowed"
    """Decided deny, let through because the persona is in shadow mode."""
    FLAGGED = "flagged"
    """Decided allow, with drift on record."""

    @property
    def passes(self) -> bool:
        """Whether the call may reach the app."""
        return self is not Effect.DENIED


class Mark(StrEnum):
    """How a layer stands."""

    PASS = "pass"  # noqa: S105 - a mark, not a password
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that is wrong with a call."""

    reason: Reason
    detail: str = ""
    """For the operator: lower case, one line, what the agent sent in backticks. The agent never sees it."""
    place: Place = NOWHERE
    """The line of the definitions that decided."""
    drift: Drift | None = None
    """What it leads to, for layer 4."""


class Refusal(Exception):  # noqa: N818 - the house's word: the agent is at fault, nothing went wrong here
    """A request that cannot be read or proven: becomes a recorded `Deny`."""

    def __init__(
        self, reason: Reason, detail: str = "", *, status: int | None = None, caller: Caller | None = None
    ) -> None:
        super().__init__(reason.value)
        self.objection = Objection(reason, detail)
        self.status = status
        """JSON-RPC error code that the protocol asks for (-32700, -32600, -32020, -32022), if any."""
        self.caller = caller
        """Whose credential it was, where it was proven and is not in force: for the record."""


@dataclass(frozen=True, slots=True)
class Allow:
    """The call is within the job: `grant` says so, and nothing objects."""

    grant: Grant
    flags: tuple[Objection, ...] = ()
    """Drift that is let through and recorded."""

    @property
    def effect(self) -> Effect:
        """Allowed, or flagged when there is drift."""
        return Effect.FLAGGED if self.flags else Effect.ALLOWED


@dataclass(frozen=True, slots=True)
class Deny:
    """The call is refused, for at least one reason."""

    objections: tuple[Objection, ...]
    judged: bool = False
    """Whether the layers were judged; False for what stopped before."""
    shadowed: bool = False
    """Let through all the same: shadow mode waives every one of the objections."""

    def __post_init__(self) -> None:
        if not self.objections:
            message = "a deny needs an objection"
            raise ValueError(message)

    @property
    def effect(self) -> Effect:
        """Denied, or shadowed."""
        return Effect.SHADOWED if self.shadowed else Effect.DENIED


Decision: TypeAlias = Allow | Deny


def objections(decision: Decision) -> tuple[Objection, ...]:
    """All that the decision holds against the call, flags included."""
    return decision.flags if isinstance(decision, Allow) else decision.objections


def layers(decision: Decision) -> Mapping[Layer, Mark]:
    """How each layer stands: failed where it objected, skipped where nothing was judged."""
    failed = {LAYER_OF[one.reason] for one in objections(decision)}
    judged = isinstance(decision, Allow) or decision.judged
    rest = Mark.PASS if judged else Mark.SKIPPED
    return {layer: Mark.FAIL if layer in failed else rest for layer in Layer}
