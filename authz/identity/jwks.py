"""An issuer's published keys: bytes to verification keys, and nothing that could weaken them.

Bounded in size and number. Secret keys, private keys, keys that are too short, not for signing, or of a kind
that no admitted algorithm uses are left out.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from authz.identity.strict import strict_json

LARGEST = 1 << 20
"""Bytes of a JWKS; more is refused unread."""
MOST = 100
"""Keys of a JWKS."""
RSA_BITS = 2048
_MEMBERS = ("kty", "crv", "n", "e", "x", "y")

Key: TypeAlias = RSAKey | ECKey | OKPKey

ALGORITHMS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        **{f"{family}{size}": ("RSA", "") for family in ("RS", "PS") for size in (256, 384, 512)},
        "ES256": ("EC", "P-256"),
        "ES384": ("EC", "P-384"),
        "ES512": ("EC", "P-521"),
        "EdDSA": ("OKP", "Ed25519"),
        "Ed25519": ("OKP", "Ed25519"),
    }
)
"""Every algorithm that a binding may admit, with the kind of key and curve it needs. No `none`, no HMAC."""


class JwksError(ValueError):
    """What came is no JWKS that can be used."""


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """One key of an issuer."""

    kid: str | None
    kind: str
    curve: str
    algorithm: str | None
    """The one algorithm that the issuer uses it for; None where it does not say."""
    key: Key

    def fits(self, algorithm: str) -> bool:
        """Whether a signature of this algorithm may be checked with it."""
        return ALGORITHMS.get(algorithm) == (self.kind, self.curve) and self.algorithm in {None, algorithm}


@dataclass(frozen=True, slots=True)
class Jwks:
    """Keys of one issuer."""

    keys: tuple[PublishedKey, ...]

    def candidates(self, kid: str | None, algorithm: str) -> list[PublishedKey]:
        """Keys that a token names and that fit; without a name, the only one that fits."""
        fitting = [key for key in self.keys if key.fits(algorithm)]
        if kid is not None:
            return [key for key in fitting if key.kid == kid]
        return fitting if len(fitting) == 1 else []


def parse_jwks(data: bytes) -> Jwks:
    """The usable keys.

    Raises:
        JwksError: too large, not a JWKS, or no key in it can be used.
    """
    if len(data) > LARGEST:
        raise JwksError(f"more than {LARGEST} bytes")
    try:
        content = strict_json(data)
    except ValueError as error:
        raise JwksError(str(error)) from None
    listed = content.get("keys") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        raise JwksError("no list of keys")
    if len(listed) > MOST:
        raise JwksError(f"more than {MOST} keys")
    keys = tuple(key for one in listed if (key := published_key(one)) is not None)
    if not keys:
        raise JwksError("no key that can verify a signature")
    return Jwks(keys)


def published_key(jwk: object) -> PublishedKey | None:
    """One JWK, if it can be used."""
    if not isinstance(jwk, dict) or "d" in jwk or "k" in jwk or not _for_verifying(jwk):
        return None
    kid, kind, curve, algorithm = (jwk.get(name) for name in ("kid", "kty", "crv", "alg"))
    if not all(one is None or isinstance(one, str) for one in (kid, curve, algorithm)):
        return None
    curve = "" if kind == "RSA" or curve is None else str(curve)
    if (kind, curve) not in ALGORITHMS.values():
        return None
    try:
        key = _imported(str(kind), {name: jwk[name] for name in _MEMBERS if name in jwk})
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    if isinstance(key, RSAKey) and key.public_key.key_size < RSA_BITS:
        return None
    return PublishedKey(kid, str(kind), curve, algorithm, key)


def _imported(kind: str, members: dict[str, str | list[str]]) -> Key:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of short keys; they are left out by who asks
        if kind == "RSA":
            return RSAKey.import_key(members)
        return ECKey.import_key(members) if kind == "EC" else OKPKey.import_key(members)


def _for_verifying(jwk: Mapping[str, object]) -> bool:
    operations = jwk.get("key_ops")
    meant = operations is None or (isinstance(operations, list) and "verify" in operations)
    return meant and jwk.get("use", "sig") == "sig"
