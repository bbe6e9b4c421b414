"""Tables of labels: patterns over a value to the classes that it brings."""

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from authz.compiler.globs import glob, is_glob

NONE: frozenset[str] = frozenset()


def folded(text: str) -> str:
    """The text without the differences that an app may overlook."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return text.strip().casefold()


@dataclass(frozen=True, slots=True)
class Table:
    """Classes by value; all patterns that match add theirs."""

    names: Mapping[str, frozenset[str]]
    """By values without wildcards."""
    heads: Mapping[str, frozenset[str]]
    """By what stands before the `*` of patterns that end with their only one."""
    lengths: Sequence[int]
    """Of `heads`: so that a table of thousands costs a few look-ups."""
    others: Sequence[tuple[Callable[[str], bool], frozenset[str]]]
    exact: bool

    @classmethod
    def of(cls, written: Mapping[str, Sequence[str]], *, exact: bool) -> "Table":
        """From the table as written."""
        names: dict[str, frozenset[str]] = {}
        heads: dict[str, frozenset[str]] = {}
        others: list[tuple[Callable[[str], bool], frozenset[str]]] = []
        for pattern, classes in written.items():
            key = pattern if exact else folded(pattern)
            if not is_glob(key):
                names[key] = names.get(key, NONE) | frozenset(classes)
            elif key.endswith("*") and not is_glob(key[:-1]):
                heads[key[:-1]] = heads.get(key[:-1], NONE) | frozenset(classes)
            else:
                others.append((glob(key), frozenset(classes)))
        return cls(names, heads, sorted({len(one) for one in heads}), others, exact)

    def __call__(self, value: str) -> frozenset[str]:
        """Classes for one value; empty when nothing matches."""
        key = value if self.exact else folded(value)
        found = self.names.get(key, NONE)
        for length in self.lengths:
            if length > len(key):
                break
            found |= self.heads.get(key[:length], NONE)
        for test, classes in self.others:
            if test(key):
                found |= classes
        return found
