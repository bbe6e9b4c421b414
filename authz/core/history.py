"""What a caller did before: the figures of the counting rules, as one atomic step found them."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime

from authz.core.rule import Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Where each rule of the persona stands, this call included."""

    figures: tuple[float | None, ...] = ()
    """One for each of `Persona.rules`, in their order: the rule's figure if this call passes.

    None means that the rule is not about this call.
    """
    took: tuple[float | None, ...] = ()
    """One for each rule: what this call added to it (1, an amount, the digest of a value); None for nothing.

    Kept in the trail, a history can be folded again from the trail alone.
    """

    waived: Container[str] = frozenset()
    """What a person's grant answers for this call: names of rules, `behaviour.hours` for the hours."""

    def added(self, rules: Sequence[Rule]) -> dict[str, float]:
        """The `took` of the forensic record: by rule, what the call added."""
        return {rule.name: took for rule, took in zip(rules, self.took, strict=False) if took is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call that was let through ended, as the access log tells. Counts from `at`, when it arrives."""

    decision: str
    """Id of the decision that let the call through."""
    at: datetime
    """Aware, UTC."""
    outcome: str
    """`ok`, `not_found`, `denied` or `error`."""
    sent: int = 0
    """Bytes of the answer's body."""
    records: int = 0
    """Records in the answer; 0 when nobody counted them."""


EMPTY = History()
