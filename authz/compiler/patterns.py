"""RE2, in the one place that knows the library: patterns over what an attacker sends, in linear time."""

from collections.abc import Callable

import re2  # type: ignore[import-untyped]  # no stubs are published

MAX_MEMORY = 8 << 20
"""Bytes that one pattern may take. Beyond it RE2 falls back to a slower search, never to a wrong answer.

`re2.Set` is not used: out of memory it finds nothing, and a label that is not found permits.
"""


class PatternError(Exception):
    """A pattern that is none."""


def whole(pattern: str, *, lines: bool = False) -> Callable[[str], bool]:
    """A test whether the pattern matches a text from end to end; `lines`: a dot is a line's end as well.

    Raises:
        PatternError: with what is wrong.
    """
    options = re2.Options()
    options.log_errors = False
    options.dot_nl = lines
    options.max_mem = MAX_MEMORY
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        said = error.args[0] if error.args else ""
        raise PatternError(said.decode(errors="replace") if isinstance(said, bytes) else str(said)) from None

    def test(text: str) -> bool:
        try:
            return compiled.fullmatch(text) is not None
        except UnicodeEncodeError:  # half of a surrogate pair is no text
            return False

    return test
