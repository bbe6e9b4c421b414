"""What a caller did before: the figures of the counting rules, as one atomic step found them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Where each rule of the persona stands, this call included."""

    figures: tuple[float | None, ...] = ()
    """One for each of `Persona.rules`, in their order: the rule's figure if this call passes.

    None means that the rule is not about this call.
    """


EMPTY = History()
