"""What a rule looks at in a call, as numbers: times, amounts, digests of values. Keeps nothing."""

import hashlib
import json
import math
from datetime import UTC, datetime, timedelta

import orjson

from authz.core import call as calls

MICROS = 1_000_000
INFINITE = math.inf
_NANO = 1_000_000_000
_MICRO = timedelta(microseconds=1)
_SORTED = orjson.OPT_SORT_KEYS
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(at: datetime) -> int:
    """Microseconds since 1970: exact, so that a window ends at the very instant it should."""
    return round(at.timestamp() * MICROS)


def span(duration: timedelta) -> int:
    """A duration in microseconds."""
    return duration // _MICRO


class Digest:
    """Keyed digests of 52 bits: exact as JSON numbers and in Lua; who lacks the key cannot make two meet."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes = b"") -> None:
        self._keyed = hashlib.blake2b(key=key[:64], digest_size=8)

    def __call__(self, data: bytes) -> int:
        """The digest of `data`."""
        keyed = self._keyed.copy()
        keyed.update(data)
        return int.from_bytes(keyed.digest(), "big") >> 12


def canonical(value: calls.Json) -> bytes:
    """The same bytes for the same value, whatever the order of names. Total over what JSON can say."""
    try:
        return orjson.dumps(value, option=_SORTED)
    except TypeError:
        # Integers over 64 bits and lone surrogates.
        return json.dumps(value, sort_keys=True, ensure_ascii=True).encode()


def argument(call: calls.Call, path: str) -> calls.Json:
    """The value that a rule names: `target`, `tool`, or a dotted path `args.x`; None where there is none."""
    action = call.action
    if path == "target":
        return action.target
    if path == "tool":
        return f"{action.app}/{action.name if action.tool is None else action.tool.name}"
    first, *rest = path.removeprefix("args.").split(".")
    value = action.args.get(first)
    for name in rest:
        if not isinstance(value, dict):
            return None
        value = value.get(name)
    return value


def amount(value: calls.Json) -> float:
    """The absolute amount; infinite for whatever is no finite number, so that no maximum admits it."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return INFINITE
    try:
        finite = abs(float(value))
    except OverflowError:
        return INFINITE
    return finite if math.isfinite(finite) else INFINITE


def nano(value: float) -> int:
    """An amount in whole billionths, never rounded down by more than a trillionth: sums are exact."""
    return math.ceil(value * _NANO - 0.001)
