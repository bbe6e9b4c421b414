"""The hash chain: what makes a record follow from the one before it.

A line of the trail ends with `,"chain":NAME,"seq":N,"prev":"HEX","hash":"HEX"}`. The hash is SHA-256 over
the bytes of the line up to `,"hash"`: everything that the record says, its place and the hash of the record
before. So a line proves itself without being parsed, and any tool that can hash bytes can check it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import orjson

GENESIS = "0" * 64
"""What stands for the hash before the first record of a chain."""

_HASH = b',"hash":"'
_PREV = b',"prev":"'
_SEQ = b',"seq":'
_CHAIN = b',"chain":"'
_HEX = 64
_END = b'"}'


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a chain: the record `seq` of `chain` has this `hash`. `seq` 0 is before the first."""

    chain: str
    seq: int
    hash: str


@dataclass(frozen=True, slots=True)
class Tail:
    """What the end of a line says about its place in a chain."""

    chain: str
    seq: int
    prev: str
    hash: str
    true: bool
    """Whether the hash is the one of the line's bytes."""


def link(bodies: Sequence[bytes], mark: Mark) -> tuple[bytes, Mark]:
    """JSON objects as the lines that follow `mark`, and the place behind the last of them."""
    chain, seq, digest = mark.chain, mark.seq, mark.hash
    parts: list[bytes] = []
    for body in bodies:
        seq += 1
        open_body = body[:-1]
        place = f',"chain":"{chain}","seq":{seq},"prev":"{digest}"'.encode()
        hashed = sha256(open_body)
        hashed.update(place)
        digest = hashed.hexdigest()
        parts += open_body, place, f',"hash":"{digest}"}}\n'.encode()
    return b"".join(parts), Mark(chain, seq, digest)


def read_tail(line: bytes) -> Tail | None:
    """The place that `line` (without its newline) claims, or None if it is no line of a chain."""
    cut = len(line) - len(_END) - _HEX
    content = line[: cut - len(_HASH)]
    if not line.endswith(_END) or line[cut - len(_HASH) : cut] != _HASH:
        return None
    found = line[cut:-2].decode("latin-1")
    prev_at = len(content) - 1 - _HEX
    if content[prev_at - len(_PREV) : prev_at] != _PREV or content[-1:] != b'"':
        return None
    place = content[: prev_at - len(_PREV)]
    seq_at = place.rfind(_SEQ)
    chain_at = place.rfind(_CHAIN, 0, seq_at)
    number = place[seq_at + len(_SEQ) :]
    if seq_at < 0 or chain_at < 0 or not number.isdigit():
        return None
    return Tail(
        place[chain_at + len(_CHAIN) : seq_at - 1].decode("latin-1"),
        int(number),
        content[prev_at:-1].decode("latin-1"),
        found,
        sha256(content).hexdigest() == found,
    )


def mark_of(value: object) -> Mark | None:
    """The place that a JSON object names by `chain`, `seq` and `hash`; None if it names none."""
    if not isinstance(value, dict):
        return None
    chain, seq, digest = value.get("chain"), value.get("seq"), value.get("hash")
    if isinstance(chain, str) and isinstance(seq, int) and isinstance(digest, str):
        return Mark(chain, seq, digest)
    return None


def anchor_of(line: bytes) -> Mark | None:
    """The place that a line kept elsewhere names, also inside the envelope of a collector (`event`)."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    if isinstance(value, dict):
        return mark_of(value) or mark_of(value.get("event")) or mark_of(value.get("head"))
    return None
