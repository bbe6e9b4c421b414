"""What is wrong with definitions, said so that a person can go there and put it right."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field

from authz.core.app import Place

SLACK = 3
"""Characters by which a name may be longer or shorter than what was meant."""
MOST_ALIKE = 2000


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where."""

    place: Place
    message: str
    """Lower case, one line, the offending text in backticks."""

    def __str__(self) -> str:
        place = self.place
        where = f"{place.file}:{place.line}:{place.column}" if place.line else place.file
        return f"{where}: {self.message}"


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, by file, line and column."""

    def key(one: Problem) -> tuple[str, int, int, str]:
        return one.place.file, one.place.line, one.place.column, one.message

    return tuple(sorted(set(problems), key=key))


class DefinitionsError(Exception):
    """The definitions don't compile. Whatever was in force before stays in force."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_order(problems)
        super().__init__("\n".join(str(one) for one in self.problems))


@dataclass(slots=True)
class Problems:
    """Gathers what is wrong, so that one run tells all of it."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    cut: set[Place] = field(default_factory=set)
    """Mappings out of which something was taken because it was wrong."""

    def error(self, place: Place, message: str) -> None:
        """Note what keeps the set from being used; not what is only missing because it was cut out."""
        if place not in self.cut:
            self.errors.append(Problem(place, printable(message)))

    def warn(self, place: Place, message: str) -> None:
        """Note what is allowed and probably not meant."""
        self.warnings.append(Problem(place, printable(message)))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`, did you mean ...?` when `name` is nearly one of `known`, else nothing."""
    # Of ten thousand names only those are looked at closely that could be it.
    alike = [one for one in known if abs(len(one) - len(name)) <= SLACK and set(one[:2]) & set(name[:2])]
    near = difflib.get_close_matches(name, alike[:MOST_ALIKE], n=1, cutoff=0.65)
    return f", did you mean `{near[0]}`?" if near else ""


def shown(text: object, limit: int = 60) -> str:
    """What was written, in backticks, on one line and not too long."""
    line = " ".join(str(text).split())
    return f"`{line[: limit - 1]}…`" if len(line) > limit else f"`{line}`"


def printable(text: str) -> str:
    """Text that a terminal shows and does not obey."""
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in text)
