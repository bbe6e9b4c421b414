"""Patterns with `*` and `?`, whole text, as tests that an attacker cannot make slow (RE2 is linear)."""

import bisect
import functools
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from authz.compiler.patterns import whole


def is_glob(text: str) -> bool:
    """Whether the text is a pattern and not a name."""
    return "*" in text or "?" in text


def to_regex(pattern: str) -> str:
    """The pattern as a regular expression."""
    return "".join({"*": ".*", "?": "."}.get(one) or re.escape(one) for one in re.sub(r"\*+", "*", pattern))


@functools.lru_cache(maxsize=4096)
def glob(pattern: str) -> Callable[[str], bool]:
    """A test whether a text is of the pattern."""
    if not is_glob(pattern):
        return pattern.__eq__
    head = pattern[:-1]
    if pattern.endswith("*") and not is_glob(head):
        return lambda text: text.startswith(head)
    return whole(to_regex(pattern), lines=True)


def any_glob(patterns: Iterable[str]) -> Callable[[str], bool]:
    """A test whether a text is of one of the patterns; of none, it never is."""
    tests = tuple(glob(one) for one in patterns)
    if len(tests) == 1:
        return tests[0]
    return lambda text: any(test(text) for test in tests)


def example(pattern: str) -> str:
    """A text that is of the pattern."""
    return re.sub(r"\*+|\?", "x", pattern)


@dataclass(slots=True)
class Names:
    """Many names, in which patterns are looked up without testing each name."""

    ordered: list[str]
    """Sorted."""
    _found: dict[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, names: Iterable[str]) -> "Names":
        """From names in any order."""
        return cls(sorted(set(names)))

    def matching(self, pattern: str) -> frozenset[str]:
        """All names that are the pattern, or of it."""
        known = self._found.get(pattern)
        if known is None:
            known = self._found[pattern] = frozenset(self._search(pattern))
        return known

    def _search(self, pattern: str) -> Iterable[str]:
        head = re.split(r"[*?]", pattern, maxsplit=1)[0]
        start = bisect.bisect_left(self.ordered, head)
        test = glob(pattern)
        for name in self.ordered[start:] if start else self.ordered:
            if not name.startswith(head):
                break
            if test(name):
                yield name
