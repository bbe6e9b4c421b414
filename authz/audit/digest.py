"""Keyed digests in place of what must not be read: equal values match, for who holds the key."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from authz.core.call import Json

PREFIX = "keyed:"
"""What tells a digest from a value."""

LONGEST = 512
"""Characters of one text that the agent chose; more would let it fill the trail."""

_SECRETS = re.compile(
    r"aak_[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*"  # our own keys
    r"|eyJ[\w-]{4,}\.[\w-]*(?:\.[\w-]*)?"  # JSON Web Tokens
    r"|(?i:bearer|basic|splunk)\s+[\w.~+/=-]{6,}"
    r"|gh[pousr]_\w{20,}|xox[abeoprs]-[\w-]{8,}|sk-[\w-]{16,}|AKIA[0-9A-Z]{16}"
)
HIDDEN = "[secret]"
TOO_DEEP = b"nested deeper than any reader goes"
"""What stands for a value that can't be spelled; no JSON is spelled so."""
_WORD = re.compile(r"|[a-z][a-z_-]{0,31}|v[0-9]{1,2}")
SEGMENTS = 12
"""Segments of an unknown path that are worth keeping."""


def safe(text: str) -> str:
    """`text` without what looks like a credential, and not longer than a record can bear."""
    if len(text) > LONGEST:
        text = text[:LONGEST] + "…"
    if "_" in text or " " in text or "eyJ" in text or "AKIA" in text or "sk-" in text or "xox" in text:
        return _SECRETS.sub(HIDDEN, text)
    return text  # none of the patterns can match: four times faster to find out this way


def canonical(value: object) -> bytes:
    """One spelling for equal JSON values, whatever the order of their members."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # integers above 64 bits, lone surrogates, mappings that are no dict
        try:
            return json.dumps(_plain(value), sort_keys=True, separators=(",", ":")).encode()
        except RecursionError:
            return TOO_DEEP


def _plain(value: object) -> object:
    """`value` in the types that every JSON writer knows."""
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value if isinstance(value, (str, int, float)) or value is None else str(value)


@dataclass(frozen=True, slots=True)
class Digester:
    """Makes digests under one key: 16 to 64 bytes, the same for every worker of a mesh."""

    key: bytes = field(repr=False)
    _keyed: hashlib.blake2b = field(init=False, repr=False, compare=False)
    """The hash with the key taken in: a copy of it is cheaper than to begin anew."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_keyed", hashlib.blake2b(key=self.key, digest_size=16))

    def of(self, value: object) -> str:
        """The digest of a JSON value."""
        digest = self._keyed.copy()
        digest.update(canonical(value))
        return PREFIX + digest.hexdigest()

    def shown(self, value: Json) -> object:
        """A value that may be read: without what looks like a credential, and a digest if it is too long."""
        if isinstance(value, str):
            return safe(value)
        if not isinstance(value, (dict, list)):
            return value
        text = canonical(value)
        if len(text) > LONGEST * 4 or text == TOO_DEEP:
            return self.of(value)
        return orjson.loads(_SECRETS.sub(HIDDEN, text.decode()))

    def path(self, text: str) -> str:
        """A method and path that no definition knows: plain words stay, all else becomes a digest.

        Nobody has said which of its segments are arguments, so each that could be one is taken for one.
        """
        head, slash, rest = text.partition("?")[0].partition("#")[0].partition("/")
        segments = rest.split("/")[:SEGMENTS]
        return (
            safe(head) + slash + "/".join(one if _WORD.fullmatch(one) else self.of(one) for one in segments)
        )

    def hide(self, text: str, args: Mapping[str, Json], recorded: frozenset[str]) -> str:
        """`text` with every value of an argument that is not `recorded` replaced by its digest."""
        values = _leaves(args, recorded)
        if values is None:
            return UNSEARCHED
        # The longest first: a short value may be part of a long one.
        for value in sorted(values, key=len, reverse=True):
            quoted = f"`{value}`"
            if quoted in text:
                text = text.replace(quoted, f"`{self.of(value)}`")
            elif len(value) >= _TELLING and value in text:
                text = text.replace(value, self.of(value))
        return safe(text)


LEAVES = 500
"""Values that are looked for in a detail; an agent that sends more must not cost us more."""
UNSEARCHED = "not shown: more values among the arguments than are looked for"

_TELLING = 4
"""From this length on a value is replaced even outside of backticks; shorter ones are parts of words."""


def _leaves(args: Mapping[str, Json], recorded: frozenset[str]) -> set[str] | None:
    """All texts and numbers in `args` that may not be read, as a detail would spell them; None if too many.

    With a stack of its own: how deep arguments nest is the agent's choice.
    """
    found: set[str] = set()
    waiting: list[tuple[str, object]] = [("", args)]
    seen = 0
    while waiting:
        path, value = waiting.pop()
        if path in recorded:
            continue
        if isinstance(value, (Mapping, list)):
            seen += len(value) + 1
            if seen > LEAVES:
                return None
            inner = value.items() if isinstance(value, Mapping) else (("", one) for one in value)
            waiting += ((_below(path, name), one) for name, one in inner)
        elif isinstance(value, str):
            found.add(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            found.add(str(value))
            if abs(value) < _EXACT:
                found.add(f"{value:g}")
    found.discard("")
    return found


def _below(path: str, name: str) -> str:
    """The dotted path of a member; that of an element is the list's."""
    return f"{path}.{name}" if path and name else path or name


_EXACT = 2**53
