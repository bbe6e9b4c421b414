"""`where:` as compiled: what arguments must be. Arguments are the attacker's, so every test is total."""

import math
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from authz.compiler.patterns import PatternError, whole
from authz.compiler.problem import shown
from authz.compiler.scope import Scope
from authz.compiler.source import Document
from authz.compiler.written.persona import Constraint, InList
from authz.core.arguments import find, steps_of
from authz.core.call import Call, Json
from authz.core.user import User

Test: TypeAlias = Callable[[Json], str | None]
"""What is wrong with a value, or None when it satisfies."""

_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")
_LOCAL = re.compile(r"[A-Za-z0-9.!#$&'*+/=?^_`{|}~-]{1,64}")
"""A dot-atom (RFC 5322) without `%`, which relays once read as a second address."""


@dataclass(frozen=True, slots=True)
class Where:
    """One argument and what it must be."""

    path: str
    steps: tuple[str, ...]
    tests: tuple[Test, ...]
    optional: bool = False

    def objection(self, call: Call, _user: User | None) -> str | None:
        """Nothing when the argument is there and satisfies."""
        there, value = find(call.action.args, self.steps)
        if not there:
            return None if self.optional else f"argument `{self.path}` is absent"
        for test in self.tests:
            why = test(value)
            if why is not None:
                return f"argument `{self.path}` {why}"
        return None


def compile_where(
    document: Document, here: tuple[str | int, ...], written: dict[str, Constraint], scope: Scope
) -> tuple[Where, ...]:
    """All constraints of a grant."""
    found: list[Where] = []
    for path, constraint in written.items():
        steps = steps_of(path)
        if not steps:
            scope.problems.error(document.key(*here, path), f"{shown(path)} names no argument")
            continue
        tests = _tests(document, (*here, path), constraint, scope)
        found.append(Where(".".join(steps), steps, tests, constraint.optional))
    return tuple(found)


def _tests(
    document: Document, here: tuple[str | int, ...], written: Constraint, scope: Scope
) -> tuple[Test, ...]:
    tests = [*_plain_tests(written)]
    if written.in_list is not None:
        values = _list(document, (*here, "in_list"), written.in_list, scope)
        tests.append(_one_of(values, f"is not in list `{written.in_list}`"))
    if written.under is not None:
        tests.append(_under(document, (*here, "under"), written.under, scope))
    if written.domain is not None:
        tests.append(_domain(document, (*here, "domain"), written.domain, scope))
    if written.pattern is not None:
        tests.append(_pattern(document, (*here, "pattern"), written.pattern, scope))
    if written.each is not None:
        tests.append(_each(_tests(document, (*here, "each"), written.each, scope)))
    if not tests:
        scope.problems.error(document.at(*here), "constrains nothing")
    return tuple(tests)


def _plain_tests(written: Constraint) -> Iterator[Test]:
    if written.max is not None or written.min is not None:
        yield _between(written.min, written.max)
    if written.equals is not None:
        yield _one_of((written.equals,), "is not what it must equal")
    if written.in_ is not None:
        yield _one_of(tuple(written.in_), "is none of those allowed")
    if written.max_length is not None:
        yield _short(written.max_length)


def _list(
    document: Document, here: tuple[str | int, ...], name: str, scope: Scope
) -> tuple[bool | float | str, ...]:
    if name not in scope.lists:
        scope.unknown("list", name, scope.lists, document.at(*here))
    return scope.lists.get(name, ())


def _between(low: float | None, high: float | None) -> Test:
    def test(value: Json) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return "is no number"
        if isinstance(value, float) and not math.isfinite(value):
            return "is no finite number"
        if high is not None and value > high:
            return f"is above {high:g}"
        if low is not None and value < low:
            return f"is below {low:g}"
        return None

    return test


def _one_of(values: tuple[bool | float | str, ...], why: str) -> Test:
    # Python holds true and 1 for equal; an app does not.
    known = {(isinstance(one, bool), one) for one in values}

    def test(value: Json) -> str | None:
        if not isinstance(value, bool | int | float | str):
            return "is not a single value"
        return None if (isinstance(value, bool), value) in known else why

    return test


def _short(limit: int) -> Test:
    def test(value: Json) -> str | None:
        if not isinstance(value, str):
            return "is no text"
        return None if len(value) <= limit else f"is longer than {limit} characters"

    return test


def _segments(path: str) -> tuple[str, ...] | None:
    """The segments of a path that can be read in one way only, else None."""
    if "%" in path or "\\" in path or not path.isprintable():
        return None
    if not path.isascii():
        # A look-alike of a dot or a slash becomes one in an app that normalises.
        plain = unicodedata.normalize("NFKC", path)
        if any(plain.count(one) != path.count(one) for one in "./\\%"):
            return None
    parts = path.split("/")
    if parts[-1] == "" and len(parts) > 1:
        parts.pop()
    rest = parts[1:] if path.startswith("/") else parts
    if any(one.strip() in ("", ".", "..") for one in rest):
        return None
    return tuple(parts)


def _under(document: Document, here: tuple[str | int, ...], written: list[str], scope: Scope) -> Test:
    bases: list[tuple[str, ...]] = []
    for one in written:
        segments = _segments(one)
        if segments is None:
            scope.problems.error(document.at(*here), f"{shown(one)} is no plain path")
        else:
            bases.append(segments)

    def test(value: Json) -> str | None:
        segments = _segments(value) if isinstance(value, str) else None
        if segments is None:
            return "is no plain path"
        return None if any(segments[: len(one)] == one for one in bases) else "is not under an allowed path"

    return test


def _domain(
    document: Document, here: tuple[str | int, ...], written: list[str] | InList, scope: Scope
) -> Test:
    if isinstance(written, InList):
        names = [str(one) for one in _list(document, (*here, "in_list"), written.in_list, scope)]
        places = [document.at(*here, "in_list")] * len(names)
    else:
        names = written
        places = [document.at(*here, at) for at in range(len(names))]
    for name, place in zip(names, places, strict=True):
        if not _DOMAIN.fullmatch(name.lower()):
            scope.problems.error(place, f"{shown(name)} is no domain")
    domains = frozenset(name.lower() for name in names)

    def test(value: Json) -> str | None:
        if not isinstance(value, str):
            return "is not one mail address"
        local, _, domain = value.partition("@")
        if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain.lower()):
            return "is not one mail address"
        return None if domain.lower() in domains else "is in none of the domains allowed"

    return test


def _pattern(document: Document, here: tuple[str | int, ...], written: str, scope: Scope) -> Test:
    try:
        matches = whole(written)
    except PatternError as error:
        text = f"{shown(written)} is no RE2 pattern: {error}"
        scope.problems.error(document.at(*here), text)
        return lambda _: "cannot be judged"

    def test(value: Json) -> str | None:
        if not isinstance(value, str):
            return "is no text"
        return None if matches(value) else "does not match the pattern"

    return test


def _each(tests: tuple[Test, ...]) -> Test:
    def test(value: Json) -> str | None:
        if not isinstance(value, list):
            return "is no list"
        if not value:
            return "is an empty list"
        for one in value:
            for inner in tests:
                why = inner(one)
                if why is not None:
                    return f"has an element that {why}"
        return None

    return test
