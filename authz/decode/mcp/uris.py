"""Names and resource addresses: what may stand in one, and whether a pattern covers it."""

import re
from collections.abc import Sequence

from authz.core.app import Tool
from authz.core.decision import Refusal
from authz.core.reason import Reason

MAX_NAME = 1024
# Visible ASCII: look-alikes, spaces, controls and what cannot be seen are all outside.
_VISIBLE = re.compile(r"[\x21-\x7e]{1,1024}")
_ESCAPED = re.compile(r"%(?:25|2e|2f|5c|00|c0|u)", re.IGNORECASE)


def refuse_odd_name(name: str) -> None:
    """A name is visible ASCII: two names that look alike are one name.

    Raises:
        Refusal: For anything else.
    """
    if not _VISIBLE.fullmatch(name):
        raise Refusal(Reason.REQUEST_MALFORMED, "a name with spaces, controls or letters outside of ASCII")


def refuse_odd_uri(uri: str) -> None:
    """A resource address that a pattern can be held against: nothing in it climbs, hides or doubles.

    Raises:
        Refusal: For anything else.
    """
    refuse_odd_name(uri)
    _, _, rest = uri.partition("://")
    path = (rest or uri).partition("?")[0]
    if "\\" in uri or _ESCAPED.search(path) or any(step in {".", ".."} for step in path.split("/")):
        raise Refusal(Reason.REQUEST_MALFORMED, "a resource address that could mean another one")


class Patterns:
    """The resource patterns of an app: `*` stands for any text, the longest pattern wins."""

    __slots__ = ("_ranked",)

    def __init__(self, resources: Sequence[Tool]) -> None:
        ranked = sorted(resources, key=lambda one: -len(one.name.replace("*", "")))
        self._ranked = tuple((tuple(one.name.split("*")), one) for one in ranked)

    def find(self, uri: str) -> Tool | None:
        """The most particular pattern that covers `uri`."""
        for pieces, tool in self._ranked:
            if _covers(pieces, uri):
                return tool
        return None


def _covers(pieces: tuple[str, ...], uri: str) -> bool:
    """Linear in `uri`, whatever the pattern: no backtracking."""
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return uri == first
    if not uri.startswith(first) or not uri.endswith(last) or len(uri) < len(first) + len(last):
        return False
    at, end = len(first), len(uri) - len(last)
    for piece in pieces[1:-1]:
        found = uri.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
