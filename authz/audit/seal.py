"""Signed marks: the head of a chain and the ends of its segments, under an Ed25519 key."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from authz.audit.chain import Mark, mark_of


def fingerprint(public: Ed25519PublicKey) -> str:
    """A short name for a sealing key."""
    return hashlib.sha256(public.public_bytes_raw()).hexdigest()[:16]


def _signed(mark: Mark, what: str) -> bytes:
    # The purpose is part of what is signed: a head can't be passed off as the end of a segment.
    return orjson.dumps(["agent-personas/trail/1", what, mark.chain, mark.seq, mark.hash])


@dataclass(frozen=True, slots=True)
class Sealer:
    """Signs marks."""

    key: Ed25519PrivateKey = field(repr=False)

    def seal(self, mark: Mark, what: str) -> bytes:
        """One line of JSON: `mark`, for `what` (`head`, `segment`, `begin`), and the signature."""
        signature = base64.b64encode(self.key.sign(_signed(mark, what))).decode()
        return orjson.dumps(
            {
                "what": what,
                "chain": mark.chain,
                "seq": mark.seq,
                "hash": mark.hash,
                "key": fingerprint(self.key.public_key()),
                "signature": signature,
            },
            option=orjson.OPT_APPEND_NEWLINE,
        )


def verify_mark(line: bytes, what: str, public: Ed25519PublicKey) -> Mark | None:
    """The mark of a signed line, or None if `public` did not sign it for this purpose."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    mark = mark_of(value)
    signature = value.get("signature") if isinstance(value, Mapping) else None
    if mark is None or not isinstance(signature, str):
        return None
    try:
        public.verify(base64.b64decode(signature, validate=True), _signed(mark, what))
    except (InvalidSignature, ValueError):
        return None
    return mark
