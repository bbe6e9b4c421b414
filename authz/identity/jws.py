"""A signed token, opened in steps: what it says of itself, then whether a key that we chose signed it.

Nothing in the token chooses its key: `jku`, `x5u`, `jwk` and `x5c` are never followed, `crit` is refused, and
the algorithm must be one that the binding admits and that fits the kind of the key (RFC 8725).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from joserfc.jws import JWSRegistry

from authz.identity.jwks import ALGORITHMS, PublishedKey
from authz.identity.key import MAX_HEADER
from authz.identity.strict import strict_json, unb64url


class MalformedTokenError(ValueError):
    """Not a token that could be believed; the text says why and holds nothing of it."""


@dataclass(frozen=True, slots=True)
class Unproven:
    """A token that was read and not verified: nothing in it may be believed yet."""

    text: str
    header: Mapping[str, Any]
    unverified_claims: Mapping[str, Any]

    def __repr__(self) -> str:
        return "Unproven(...)"

    @property
    def algorithm(self) -> str:
        """`alg`."""
        return str(self.header.get("alg"))

    @property
    def kid(self) -> str | None:
        """`kid`, where there is one."""
        kid = self.header.get("kid")
        return kid if isinstance(kid, str) else None


def opened(text: str) -> Unproven:
    """The token, read.

    Raises:
        MalformedTokenError: it is no JWT in compact form, or demands what we don't know.
    """
    header, payload = signed_parts(text)
    try:
        claims = strict_json(payload)
    except ValueError:
        raise MalformedTokenError("not a signed token in compact form") from None
    if not isinstance(claims, dict):
        raise MalformedTokenError("not a signed token in compact form")
    return Unproven(text, header, claims)


def signed_parts(text: str) -> tuple[dict[str, Any], bytes]:
    """Header and payload of a JWS in compact form (RFC 7515), unverified.

    Raises:
        MalformedTokenError: it is none, or demands what we don't know.
    """
    if len(text) > MAX_HEADER:
        raise MalformedTokenError("the token is overlong")
    parts = text.split(".")
    if len(parts) != 3:  # noqa: PLR2004 - RFC 7515 section 3.1
        raise MalformedTokenError("not a signed token in compact form")
    try:
        header, payload = strict_json(unb64url(parts[0])), unb64url(parts[1])
        unb64url(parts[2])
    except ValueError:
        raise MalformedTokenError("not a signed token in compact form") from None
    if not isinstance(header, dict):
        raise MalformedTokenError("not a signed token in compact form")
    if "crit" in header or "b64" in header:
        raise MalformedTokenError("the token demands an extension that is not known")
    if not isinstance(header.get("kid", ""), str):
        raise MalformedTokenError("`kid` is no text")
    return header, payload


def proven(token: Unproven, keys: Iterable[PublishedKey]) -> bool:
    """Whether one of the keys signed it."""
    algorithm = token.algorithm
    if algorithm not in ALGORITHMS:
        return False
    verify = JWSRegistry.algorithms[algorithm].verify
    signed, _, signature = token.text.rpartition(".")
    given = unb64url(signature)
    return any(key.fits(algorithm) and verify(signed.encode("ascii"), given, key.key) for key in keys)
