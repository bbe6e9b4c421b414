"""JSON that every parser reads alike, or a refusal.

orjson already refuses NaN, a BOM, UTF-16, invalid UTF-8, lone surrogates and what follows the document.
It keeps the last of two equal keys, and an app may keep the first; that, and depth, is checked here. No
common parser offers it, and a second parse would cost more than the first, hence the arithmetic in
`_refuse_doubles`.
"""

import json
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence

import orjson

from authz.core.call import Json
from authz.core.decision import Refusal
from authz.core.reason import Reason

MAX_DEPTH = 64
"""Arrays and objects within each other; other parsers overflow their stack somewhat later."""
MAX_SAFE_INTEGER = 2**53
"""Beyond it, parsers that use doubles read another number."""
PARSE_ERROR = -32700
INVALID_REQUEST = -32600

_ORJSON_LEVELS = 254  # orjson.dumps refuses what is nested deeper; a test holds the library to it


def read_json(data: bytes) -> Json:
    """The one document in `data`.

    Raises:
        Refusal: For what is no JSON, or what two parsers may read differently.
    """
    try:
        value: Json = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise _malformed("the body is not JSON") from None
    try:
        again = orjson.dumps(value)
        if data.count(b"{") + data.count(b"[") > MAX_DEPTH:
            orjson.dumps(_padded(value))
    except TypeError:
        raise _malformed(f"the body is nested more than {MAX_DEPTH} levels deep") from None
    if again != data:  # else it was written compactly, and nothing can have been dropped
        _refuse_doubles(data, again)
    return value


def _padded(value: Json) -> Json:
    """`value` so far down that one level more than `MAX_DEPTH` is one too many for orjson."""
    for _ in range(_ORJSON_LEVELS - MAX_DEPTH):
        value = [value]
    return value


def _refuse_doubles(data: bytes, again: bytes) -> None:
    """Refuse a key that stands twice in one object, anywhere in the document.

    Parsing and writing again keeps every quotation mark, unless a double key was dropped together with its
    value. Only a quotation mark written as an escaped code point adds one: then the slow parser decides.
    """
    if b"\\" in data and b"\\u0022" in data:  # one byte is found much faster than six
        json.loads(data, object_pairs_hook=_unique)
    elif data.count(b'"') != again.count(b'"'):
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "a key stands twice in one object", status=INVALID_REQUEST)


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "a key stands twice in one object", status=INVALID_REQUEST)
    return found


def distinct_keys(keys: Collection[str], where: str) -> None:
    """Refuse keys that a lenient reader would take for one another.

    Go's reader ignores case and folds U+017F and U+212A; others stop at a NUL or drop what cannot be seen.

    Raises:
        Refusal: Naming `where` the keys stand.
    """
    joined = "".join(keys)
    if joined.isascii() and joined.isprintable() and joined.islower():
        return  # equal keys cannot be: they are of one mapping, read by `read_json`
    _refuse_alike(keys, where, {})


def names(known: Iterable[str]) -> Mapping[str, str]:
    """Names for `known_keys`, by their folded form."""
    return {folded(name): name for name in known}


def known_keys(keys: Collection[str], where: str, known: Mapping[str, str]) -> None:
    """As `distinct_keys`, and refuse what a lenient reader would take for one of the `known` names.

    Raises:
        Refusal: Naming `where` the keys stand.
    """
    for key in keys:
        if known.get(key) != key:
            _refuse_alike(keys, where, known)
            return


def _refuse_alike(keys: Collection[str], where: str, known: Mapping[str, str]) -> None:
    seen = dict(known)
    for key in keys:
        if not key.isprintable():
            raise Refusal(
                Reason.REQUEST_AMBIGUOUS,
                f"a key of {where} holds a control character",
                status=INVALID_REQUEST,
            )
        if seen.setdefault(folded(key), key) != key:
            raise Refusal(
                Reason.REQUEST_AMBIGUOUS,
                f"a key of {where} differs from another name only in letter case",
                status=INVALID_REQUEST,
            )


def folded(text: str) -> str:
    """`text` as the most lenient reader compares it."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def safe_identifier(value: Json) -> bool:
    """Whether `value` is a text or an integer that every parser reads alike."""
    if isinstance(value, str):
        return True
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_SAFE_INTEGER


def at_path(args: Json, path: Iterable[str]) -> Json:
    """The value at a dotted path, split; None when there is none."""
    value = args
    for step in path:
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value


def as_text(value: Json) -> str | None:
    """A scalar as text; None for anything else."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def target_of(args: Json, path: Sequence[str]) -> str | None:
    """What a call is about: the scalar at `path`; None when there is no path, or no scalar.

    Raises:
        Refusal: For a number that parsers read as different ones.
    """
    value = at_path(args, path) if path else None
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) > MAX_SAFE_INTEGER:
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "a number beyond 2^53 as target", status=INVALID_REQUEST)
    return as_text(value)


def _malformed(detail: str) -> Refusal:
    return Refusal(Reason.REQUEST_MALFORMED, detail, status=PARSE_ERROR)
