"""The calls of a log under two sets of definitions, each with its own history."""

from dataclasses import dataclass, field
from typing import Final

from authz.offline.judging import Judge, Verdict, Word
from authz.offline.tally import called_of, codes
from authz.offline.told import Ended, Told

MOST: Final = 500


@dataclass(slots=True)
class Shifted:
    """Calls of one kind that came to another end."""

    first: int
    """Index of the first."""
    detail: str
    calls: int = 1


@dataclass(slots=True)
class Shifts:
    """What two sets of definitions decide otherwise."""

    old: Judge
    new: Judge
    calls: int = 0
    allowed: int = 0
    """Newly allowed, or newly let through by shadow."""
    denied: int = 0
    undecided: int = 0
    """Calls of which either side can't tell."""
    newly_allowed: dict[tuple[str, str, str, str], Shifted] = field(default_factory=dict)
    """By agent, persona, what was called, and the codes that no longer refuse it."""
    newly_denied: dict[tuple[str, str, str, str], Shifted] = field(default_factory=dict)

    def ended(self, ended: Ended) -> None:
        """Both learn how a call ended."""
        self.old.ended(ended)
        self.new.ended(ended)

    def add(self, index: int, told: Told) -> None:
        """Decide one more call under both."""
        before, after = self.old.decide(told), self.new.decide(told)
        self.calls += 1
        if Word.UNDECIDED in {before.word, after.word}:
            self.undecided += 1
            if _rank(before) == _rank(after) or Word.DENY not in {before.word, after.word}:
                return
        if _rank(after) > _rank(before):
            self.allowed += 1
            _put(self.newly_allowed, index, before, after)
        elif _rank(after) < _rank(before):
            self.denied += 1
            _put(self.newly_denied, index, after, after)


def _rank(verdict: Verdict) -> int:
    """How much is permitted: refused, refused and let through by shadow, perhaps, allowed."""
    if verdict.word is Word.DENY:
        return 1 if verdict.shadowed else 0
    return 3 if verdict.word is Word.ALLOW else 2


def _put(
    found: dict[tuple[str, str, str, str], Shifted], index: int, refused: Verdict, after: Verdict
) -> None:
    key = (
        after.agent or "unknown",
        after.persona or "unknown",
        called_of(after),
        ", ".join(codes(refused.reasons)),
    )
    known = found.get(key)
    if known is not None:
        known.calls += 1
    elif len(found) < MOST:
        detail = refused.reasons[0].detail if refused.reasons else "; ".join(refused.lacking)
        found[key] = Shifted(index, detail)
