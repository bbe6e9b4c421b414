"""A request target as segments and query, or a refusal: what two servers could read differently is refused.

The path is the one Envoy normalised and the app will get; nothing is normalised any further here.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from authz.core.call import Json
from authz.core.decision import Refusal
from authz.core.reason import Reason

MAX_SEGMENTS = 64
# `%25` hides a second escape, `%2f` and `%5c` a separator, `%c0` an overlong one, `%u` a code point.
_ODD_ESCAPE = re.compile(r"%(?:25|2f|5c|c0|c1|00|u|(?![0-9a-f]{2}))", re.IGNORECASE)
_ODD_QUERY_ESCAPE = re.compile(r"%(?:00|c0|c1|u|(?![0-9a-f]{2}))", re.IGNORECASE)
# RFC 3986 pchar without `;`, plus `/`: no control, no space, no `\`, no `#`, nothing outside of ASCII.
_PATH = re.compile(r"(?:/[A-Za-z0-9\-._~!$&'()*+,=:@%]+)+|/")
_QUERY = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,=:@%/?\[\]{}|^`\"<>]*")


def segments(path: str) -> tuple[str, ...]:
    """The decoded segments of `path`, which has no query.

    Raises:
        Refusal: For a path that could be routed in two ways.
    """
    if not _PATH.fullmatch(path) or ("%" in path and _ODD_ESCAPE.search(path)):
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "a path that servers may read differently")
    if path == "/":
        return ()
    found = path[1:].split("/")
    if len(found) > MAX_SEGMENTS:
        raise Refusal(Reason.REQUEST_MALFORMED, f"a path of more than {MAX_SEGMENTS} segments")
    if "%" in path:
        found = [_decoded(one) for one in found]
    if "." in found or ".." in found:
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "a path that climbs")
    return tuple(found)


def query_arguments(query: str) -> dict[str, Json]:
    """The arguments of a query.

    Raises:
        Refusal: For a query that could be read in two ways.
    """
    if not _QUERY.fullmatch(query):
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "a query that servers may read differently")
    return form_arguments(query)


def form_arguments(text: str) -> dict[str, Json]:
    """The arguments of a form; a name that comes more than once has a list.

    Raises:
        Refusal: For escapes that could be read in two ways, or `;`, which some take for `&`.
    """
    if not text:
        return {}
    if ";" in text or _ODD_QUERY_ESCAPE.search(text):
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "arguments that servers may read differently")
    return _collected(pair.partition("=") for pair in text.split("&") if pair)


def _collected(pairs: Iterable[tuple[str, str, str]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    lists: dict[str, list[Json]] = {}
    for raw_name, _, raw_value in pairs:
        name, value = _decoded(raw_name.replace("+", " ")), _text(raw_value.replace("+", " "))
        if name in lists:
            lists[name].append(value)
        elif name in found:
            found[name] = lists[name] = [found[name], value]
        else:
            found[name] = value
    return found


def _decoded(text: str) -> str:
    """A segment or a name: decoded once, nothing in it that cannot be seen."""
    plain = _text(text)
    if not plain.isprintable():
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "a control character where a name stands")
    return plain


def _text(text: str) -> str:
    if "%" not in text:
        return text
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "escapes that are not UTF-8") from None
