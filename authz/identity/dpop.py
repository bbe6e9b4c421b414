"""DPoP (RFC 9449): who presents a token holds the key that it is bound to, for this very request."""

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import Request
from authz.identity.jwks import published_key
from authz.identity.jws import MalformedTokenError, Unproven, opened, proven

HEADER = "dpop"
WINDOW = 60
"""Seconds around `iat` in which a proof is good."""
_MEMBERS = {"RSA": ("e", "kty", "n"), "EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}

Replayed = Callable[[str, datetime], bool]
"""Told the id of a proof: whether any worker saw it before. It must remember for twice the window."""


def thumbprint(jwk: dict[str, str]) -> str:
    """SHA-256 thumbprint of a public key (RFC 7638)."""
    members = {name: jwk[name] for name in _MEMBERS[jwk["kty"]]}
    text = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return _b64url(hashlib.sha256(text.encode()).digest())


def check_dpop(request: Request, token: str, key: str, at: datetime, replayed: Replayed) -> None:
    """Pass if the request proves that its sender holds the key with this thumbprint.

    Raises:
        Refusal: `credential.source`, or `request.ambiguous` for a double header.
    """
    text = request.headers.get(HEADER)
    if HEADER in request.repeated or (text is not None and "," in text):
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "`dpop` came more than once")
    if text is None:
        raise Refusal(Reason.CREDENTIAL_SOURCE, "the token is bound to a key, and no proof came with it")
    try:
        proof = opened(text)
    except MalformedTokenError as error:
        raise Refusal(Reason.CREDENTIAL_SOURCE, f"the proof of possession cannot be read: {error}") from None
    why = _objection(request, proof, token, key, at)
    if why is not None:
        raise Refusal(Reason.CREDENTIAL_SOURCE, f"the proof of possession is not good: {why}")
    # By its id and not by its text: an ECDSA signature has a second spelling that anyone can work out.
    name = f"{key}|{proof.unverified_claims['jti']}"
    if replayed(_b64url(hashlib.sha256(name.encode("utf-8", "replace")).digest()), at):
        raise Refusal(Reason.CREDENTIAL_SOURCE, "the proof of possession was used before")


def _objection(request: Request, proof: Unproven, token: str, key: str, at: datetime) -> str | None:
    """RFC 9449 section 4.3: the proof's own form first, then what it is a proof of."""
    jwk = proof.header.get("jwk")
    public = published_key(jwk)
    if str(proof.header.get("typ")).lower() != "dpop+jwt" or public is None or not isinstance(jwk, dict):
        return "not of type `dpop+jwt` with a public key"
    if not proven(proof, [public]):
        return "wrong signature"
    claims = proof.unverified_claims  # from here on verified, by the key that it names
    issued, identity = claims.get("iat"), claims.get("jti")
    checks = {
        "signed with another key": thumbprint(jwk) == key,
        "no id": isinstance(identity, str) and identity != "",
        "for another method": claims.get("htm") == request.method,
        "for another target": _same_target(claims.get("htu"), request),
        "not of this moment": isinstance(issued, int | float) and abs(at.timestamp() - issued) <= WINDOW,
        "for another token": claims.get("ath") == _b64url(hashlib.sha256(token.encode("ascii")).digest()),
    }
    return next((why for why, good in checks.items() if not good), None)


def _same_target(htu: object, request: Request) -> bool:
    """Host and path, without query; the scheme is not known behind a proxy that ends TLS."""
    if not isinstance(htu, str):
        return False
    try:
        said = urlsplit(htu)
        port = said.port
    except ValueError:
        return False
    if said.scheme not in {"https", "http"} or said.query or said.fragment or said.username is not None:
        return False
    default = {"https": 443, "http": 80}[said.scheme]
    name = (said.hostname or "").lower()
    names = {f"{name}:{port or default}"} | ({name} if port in {None, default} else set())
    return request.host.lower() in names and said.path == request.path.partition("?")[0]


def _b64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
