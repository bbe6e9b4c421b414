"""Issuers for tests: they sign tokens of any shape, as a provider would, and publish their keys."""

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from authz.identity.jwks import Jwks, parse_jwks

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
NOW = int(AT.timestamp())
KINDS: Mapping[str, Any] = {
    "RS": (RSAKey, 2048),
    "PS": (RSAKey, 2048),
    "ES": (ECKey, "P-256"),
    "Ed": (OKPKey, "Ed25519"),
}


def key_of(name: str, algorithm: str = "RS256") -> RSAKey | ECKey | OKPKey:
    """The key of that name; RSA keys take long to make, so each is made once."""
    return _key(name, algorithm[:2])


@cache
def _key(name: str, family: str) -> RSAKey | ECKey | OKPKey:
    kind, size = KINDS[family]
    key: RSAKey | ECKey | OKPKey = kind.generate_key(size, {"kid": name})
    return key


def published(*names: str, algorithm: str = "RS256") -> Jwks:
    """The JWKS that an issuer with these keys publishes."""
    keys = [{**key_of(name, algorithm).as_dict(private=False), "use": "sig"} for name in names]
    return parse_jwks(json.dumps({"keys": keys}).encode())


def signed(
    claims: Mapping[str, Any],
    *,
    name: str = "k1",
    algorithm: str = "RS256",
    header: Mapping[str, Any] | None = None,
) -> str:
    """A token with exactly these claims."""
    said = {"alg": algorithm, "kid": name, "typ": "JWT", **(header or {})}
    said = {member: value for member, value in said.items() if value is not None}
    parts = [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=") for one in (said, claims)]
    text = b".".join(parts)
    signature = JWSRegistry.algorithms[algorithm].sign(text, key_of(name, algorithm))
    return b".".join([text, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()
