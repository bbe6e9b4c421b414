"""What a rule looks at in a call, as numbers: times, amounts, digests of values. Keeps nothing."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import cast

import orjson

from authz.core import call as calls

MICROS = 1_000_000
INFINITE = math.inf
_NANO = 1_000_000_000
_MICRO = timedelta(microseconds=1)
_SORTED = orjson.OPT_SORT_KEYS
MOST_APPS = 1024


def micros(at: datetime) -> int:
    """Microseconds since 1970: exact, so that a window ends at the very instant it should."""
    return int(at.timestamp() * MICROS + 0.5)


def span(duration: timedelta) -> int:
    """A duration in microseconds."""
    return duration // _MICRO


class Digest:
    """Keyed digests of 52 bits: exact as JSON numbers and in Lua; who lacks the key cannot make two meet."""

    __slots__ = ("_apps", "_copy", "_last", "_of_last")

    def __init__(self, key: bytes = b"") -> None:
        self._copy = hashlib.blake2b(key=key[:64], digest_size=8).copy
        self._last: str | None = None
        self._of_last = 0
        self._apps: dict[str | None, int] = {}

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

    def within(self, app: str | None, text: str) -> int:
        """The digest of a text that means something within one app."""
        of_app = self._apps.get(app)
        if of_app is None:
            if len(self._apps) > MOST_APPS:
                self._apps.clear()
            of_app = self._apps[app] = self(f"app {app}".encode("utf-8", "surrogatepass"))
        return of_app ^ self.text(text)


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
    first, *rest = path.removeprefix("args.").split(".")

    def find(call: calls.Call) -> calls.Json:
        value = call.action.args.get(first)
        for name in rest:
            if not isinstance(value, dict):
                return None
            value = value.get(name)
        return value

    return find


def _target(call: calls.Call) -> calls.Json:
    return call.action.target


def _tool(call: calls.Call) -> calls.Json:
    action = call.action
    return f"{action.app}/{action.name if action.tool is None else action.tool.name}"


def amount(value: calls.Json) -> float:
    """The absolute amount; infinite for whatever is no finite number, so that no maximum admits it."""
    kind = type(value)
    if kind is float or kind is int:
        return _finite(cast("float", value))
    return INFINITE


def _finite(value: float) -> float:
    try:
        finite = abs(float(value))
    except OverflowError:
        return INFINITE
    return finite if math.isfinite(finite) else INFINITE


def nano(value: float) -> int:
    """An amount in whole billionths, never rounded down by more than a trillionth: sums are exact."""
    return math.ceil(value * _NANO - 0.001)
