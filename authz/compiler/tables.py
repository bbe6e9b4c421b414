"""Tables of labels: patterns over a value to the classes that it brings."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import re2

from authz.compiler.globs import is_glob, to_regex

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.dot_nl = True
_OPTIONS.max_mem = 64 << 20

NONE: frozenset[str] = frozenset()


def folded(text: str) -> str:
    """The text without the differences that an app may overlook."""
    return text.strip().casefold()


@dataclass(frozen=True, slots=True)
class Table:
    """Classes by value; all patterns that match add theirs."""

    names: Mapping[str, frozenset[str]]
    """By values without wildcards."""
    patterns: re2.Set | None
    classes: Sequence[frozenset[str]]
    """Those of each pattern."""
    exact: bool

    @classmethod
    def of(cls, written: Mapping[str, Sequence[str]], *, exact: bool) -> "Table":
        """From the table as written."""
        names: dict[str, frozenset[str]] = {}
        globs: list[tuple[str, frozenset[str]]] = []
        for pattern, classes in written.items():
            key = pattern if exact else folded(pattern)
            if is_glob(pattern):
                globs.append((key, frozenset(classes)))
            else:
                names[key] = names.get(key, NONE) | frozenset(classes)
        patterns = None
        if globs:
            patterns = re2.Set.FullMatchSet(_OPTIONS)
            for key, _ in globs:
                patterns.Add(to_regex(key))
            patterns.Compile()
        return cls(names, patterns, tuple(classes for _, classes in globs), exact)

    def __call__(self, value: str) -> frozenset[str]:
        """Classes for one value; empty when nothing matches."""
        key = value if self.exact else folded(value)
        found = self.names.get(key, NONE)
        if self.patterns is None:
            return found
        hits = [self.classes[index] for index in self.patterns.Match(key)]
        return functools.reduce(frozenset.union, hits, found)
