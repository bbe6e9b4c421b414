"""What a rule looks at in a call, as numbers: times, amounts, digests of values. Keeps nothing."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import cast

import orjson

from authz.core import call as calls
from authz.core.arguments import as_text, find, steps_of

MICROS = 1_000_000
INFINITE = math.inf
BILLION = 1_000_000_000
_MICRO = timedelta(microseconds=1)
_SORTED = orjson.OPT_SORT_KEYS
MOST_TOOLS = 1024


def micros(at: datetime) -> int:
    """Microseconds since 1970: exact, so that a window ends at the very instant it should."""
    return int(at.timestamp() * MICROS + 0.5)


def span(duration: timedelta) -> int:
    """A duration in microseconds."""
    return duration // _MICRO


class Digest:
    """Keyed digests of 52 bits: exact as JSON numbers and in Lua; who lacks the key cannot make two meet."""

    __slots__ = ("_copy", "_last", "_of_last", "_tools")

    def __init__(self, key: bytes = b"") -> None:
        self._copy = hashlib.blake2b(key=key[:64], digest_size=8).copy
        self._last: str | None = None
        self._of_last = 0
        self._tools: dict[tuple[str | None, str], int] = {}

    def __call__(self, data: bytes) -> int:
        """The digest of `data`."""
        keyed = self._copy()
        keyed.update(data)
        return int.from_bytes(keyed.digest(), "big") >> 12

    def text(self, text: str) -> int:
        """The digest of a text; several rules look at the same target, so the last one is kept."""
        if text != self._last:
            self._of_last = self(text.encode("utf-8", "surrogatepass"))
            self._last = text
        return self._of_last

    def value(self, value: calls.Json) -> int:
        """The digest of any value; a scalar is told by its text, so that 1 and 1.0 are one."""
        text = value if isinstance(value, str) else as_text(value)
        return self(canonical(value)) if text is None else self.text(text)

    def within(self, app: str | None, text: str) -> int:
        """The digest of a text that means something within one app."""
        return self.tool(app, "") ^ self.text(text)

    def tool(self, app: str | None, name: str) -> int:
        """The digest of a tool's name."""
        known = self._tools.get((app, name))
        if known is None:
            if len(self._tools) > MOST_TOOLS:
                self._tools.clear()
            known = self._tools[app, name] = self(f"{app}\n{name}".encode("utf-8", "surrogatepass"))
        return known


def canonical(value: "calls.Json | Mapping[str, calls.Json]") -> bytes:
    """The same bytes for the same value, whatever the order of names. Total over what JSON can say."""
    try:
        return orjson.dumps(value, option=_SORTED)
    except TypeError:
        # Integers over 64 bits and lone surrogates.
        return json.dumps(value, sort_keys=True, ensure_ascii=True).encode()


def argument(path: str) -> Callable[[calls.Call], calls.Json]:
    """Finds what a rule names: `target`, `tool`, or a dotted path `args.x`; None where there is none."""
    if path == "target":
        return _target
    if path == "tool":
        return _tool
    steps = steps_of(path)
    if len(steps) == 1:
        return lambda call: call.action.args.get(steps[0])

    def found(call: calls.Call) -> calls.Json:
        return find(call.action.args, steps)[1]

    return found


def _target(call: calls.Call) -> calls.Json:
    return call.action.target


def _tool(call: calls.Call) -> calls.Json:
    action = call.action
    return f"{action.app}/{action.name if action.tool is None else action.tool.name}"


def billionths(value: calls.Json) -> float:
    """The absolute amount in whole billionths, so that sums are exact; infinite for what is no finite number.

    Never rounded down by more than a trillionth.
    """
    kind = type(value)  # a subclass of int would be a boolean
    if kind is not float and kind is not int:
        return INFINITE
    try:
        return float(math.ceil(abs(float(cast("float", value))) * BILLION - 0.001))
    except (OverflowError, ValueError):
        return INFINITE
