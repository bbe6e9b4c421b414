"""`x-persona-assertion`: a short JWT that tells an app who is calling, for whom, as what and with which tool.

Ed25519 (`alg: EdDSA`, RFC 8037), alive for 60 s. The signing key, the time and the ids come as arguments.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from authz.core.call import Caller

LIFETIME = 60
"""Seconds that an assertion lives."""
REUSE = 30
"""Seconds for which the same one is sent again: an app gets it with at least half of its life left."""
ISSUER = "agent-personas"
_HELD = 65_536
"""Assertions that are kept for reuse."""


def b64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def public_jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """The JWK of a public key (RFC 8037); its `kid` is the thumbprint (RFC 7638)."""
    x = b64url(key.public_bytes(Encoding.Raw, PublicFormat.Raw))
    members = f'{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}'
    kid = b64url(hashlib.sha256(members.encode("ascii")).digest())
    return {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "use": "sig", "alg": "EdDSA"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouch:
    """What an assertion vouches for."""

    caller: Caller
    persona: str
    app: str
    tool: str


class Signer:
    """Signs with one key, and sends the same text again while it is fresh."""

    __slots__ = ("_head", "_held", "_issuer", "_key", "kid")

    def __init__(self, key: Ed25519PrivateKey, *, issuer: str = ISSUER) -> None:
        self._key = key
        self._issuer = issuer
        self.kid = public_jwk(key.public_key())["kid"]
        self._head = _part({"alg": "EdDSA", "kid": self.kid, "typ": "JWT"})
        self._held: dict[tuple[str, ...], tuple[float, str]] = {}

    def cached(self, vouch: Vouch, at: datetime, jti: Callable[[], str]) -> str:
        """The assertion for (key, persona, app, tool), signed at most every 30 s."""
        caller = vouch.caller
        name = (caller.key or "", caller.agent.id, caller.user, vouch.persona, vouch.app, vouch.tool)
        now = at.timestamp()
        held = self._held.get(name)
        if held is not None and 0 <= now - held[0] < REUSE:
            return held[1]
        text = self.sign(vouch, at, jti())
        if len(self._held) >= _HELD:
            self._held.clear()
        self._held[name] = (now, text)
        return text

    def per_call(
        self, vouch: Vouch, at: datetime, jti: str, *, decision: str, args_digest: str | None
    ) -> str:
        """An assertion of one decision only: for an app that asks for `assertion: per-call`."""
        return self.sign(vouch, at, jti, {"decision": decision, "args_digest": args_digest})

    def sign(self, vouch: Vouch, at: datetime, jti: str, more: Mapping[str, str | None] | None = None) -> str:
        """A new assertion."""
        issued = int(at.timestamp())
        claims = {
            "iss": self._issuer,
            "sub": vouch.caller.user,
            "act": {"sub": vouch.caller.agent.id},
            "aud": vouch.app,
            "persona": vouch.persona,
            "tool": vouch.tool,
            "iat": issued,
            "exp": issued + LIFETIME,
            "jti": jti,
            **(more or {}),
        }
        signed = f"{self._head}.{_part(claims)}"
        return f"{signed}.{b64url(self._key.sign(signed.encode('ascii')))}"


def _part(content: Mapping[str, object]) -> str:
    return b64url(json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode())
