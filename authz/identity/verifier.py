"""For app teams: checks an `x-persona-assertion` in one call. Needs `cryptography` and nothing else of us.

    keys = trusted_keys(jwks)   # of https://personas.example.com/.well-known/jwks.json, every few minutes
    who = verify_assertion(header, keys, app="billing", tool="adjust_balance", at=now)

An app that knows which tool a request is about passes it, and so refuses an assertion that was made for
another one. Fetching the JWKS is the app's own: this module does no I/O.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LONGEST = 8192
LEEWAY = 5
"""Seconds that the clocks of app and authorizer may differ."""
ISSUER = "agent-personas"


class NotVouchedFor(Exception):  # noqa: N818 - the fault is the caller's
    """The assertion is no proof for this call; the message says why and holds nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """What the authorizer vouches for."""

    user: str
    agent: str
    persona: str
    tool: str
    id: str
    decision: str | None = None
    """Id of the decision; only with `assertion: per-call`."""
    args_digest: str | None = None
    """Keyed digest of the arguments; only with `assertion: per-call`."""


def trusted_keys(jwks: Mapping[str, Any]) -> dict[str, Ed25519PublicKey]:
    """Public keys by `kid`, from a published JWKS; what is no Ed25519 key is left out."""
    found = {}
    for jwk in jwks.get("keys", ()):
        if jwk.get("kty") == "OKP" and jwk.get("crv") == "Ed25519" and isinstance(jwk.get("kid"), str):
            found[jwk["kid"]] = Ed25519PublicKey.from_public_bytes(_bytes(jwk["x"]))
    return found


def verify_assertion(  # noqa: PLR0913 - each names one thing that must fit
    text: str,
    keys: Mapping[str, Ed25519PublicKey],
    *,
    app: str,
    at: datetime,
    tool: str | None = None,
    issuer: str = ISSUER,
) -> Vouched:
    """Who is calling, if the assertion is good for this app (and `tool`) now.

    Raises:
        NotVouchedFor: in every other case.
    """
    header, claims = _signed(text, keys)
    if header.get("alg") != "EdDSA" or "crit" in header:
        raise NotVouchedFor("not an assertion of this form")
    now = at.timestamp()
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int) or not isinstance(expires, int):
        raise NotVouchedFor("no time in it")
    if not issued - LEEWAY <= now < expires + LEEWAY:
        raise NotVouchedFor("expired, or from the future")
    if claims.get("iss") != issuer or claims.get("aud") != app:
        raise NotVouchedFor("made by or for someone else")
    if tool is not None and claims.get("tool") != tool:
        raise NotVouchedFor("made for another tool")
    actor = claims.get("act")
    agent = actor.get("sub") if isinstance(actor, dict) else None
    said = (claims.get("sub"), agent, claims.get("persona"), claims.get("tool"), claims.get("jti"))
    if not all(isinstance(one, str) and one for one in said):
        raise NotVouchedFor("incomplete")
    user, agent, persona, named, identity = map(str, said)
    return Vouched(
        user=user,
        agent=agent,
        persona=persona,
        tool=named,
        id=identity,
        decision=claims.get("decision"),
        args_digest=claims.get("args_digest"),
    )


def _signed(text: str, keys: Mapping[str, Ed25519PublicKey]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, once the signature is proven."""
    parts = text.split(".")
    if len(text) > LONGEST or len(parts) != 3:  # noqa: PLR2004 - RFC 7515 section 3.1
        raise NotVouchedFor("not an assertion of this form")
    try:
        header = json.loads(_bytes(parts[0]))
        key = keys[header["kid"]]
        key.verify(_bytes(parts[2]), f"{parts[0]}.{parts[1]}".encode("ascii"))
        claims = json.loads(_bytes(parts[1]))
    except InvalidSignature:
        raise NotVouchedFor("the signature is wrong") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotVouchedFor("not an assertion of this form, or of an unknown key") from None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        raise NotVouchedFor("not an assertion of this form")
    return header, claims


def _bytes(text: str) -> bytes:
    """Base64url without padding, in its one right spelling."""
    try:
        found = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
    if base64.urlsafe_b64encode(found).rstrip(b"=").decode("ascii") != text:
        raise ValueError("not the shortest form")
    return found
