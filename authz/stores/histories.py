"""The port behind which histories live. Nothing here decides; nothing here knows Redis."""

from collections.abc import Awaitable, Container
from typing import Protocol

from authz.behaviour import NOTHING
from authz.core.call import Call
from authz.core.history import History, Outcome
from authz.core.persona import Persona


class Histories(Protocol):
    """What callers did, for the counting rules."""

    def observe(
        self,
        call: Call,
        persona: Persona,
        passes: bool,  # noqa: FBT001 - the interface that the other rooms were given
        *,
        decision: str = "",
        waived: Container[str] = NOTHING,
    ) -> History | Awaitable[History]:
        """Judge and count one call, as one atomic step.

        Args:
            call: What is to be done.
            persona: Whose rules count.
            passes: Whether the first three layers let it through (`authz.behaviour.lets_pass`).
            decision: The decision's id, under which its outcome will arrive; empty when none will.
            waived: Names of rules that a person's grant answers for this call.
        """
        ...

    def outcome(self, outcome: Outcome) -> None:
        """Count how a call ended; one that nobody waits for is nothing."""
        ...
