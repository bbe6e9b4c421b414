"""Finds the credential that is meant for us in a request; proves nothing.

Two places: `Authorization: Bearer ...` and `x-agent-access-key`. What else stands in `Authorization` beside
an `x-agent-access-key` belongs to the app and is not judged, unless it hides a key of ours. Nothing of a
credential is repeated in a refusal.
"""

import base64
import binascii
import re
from typing import NamedTuple

from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import Request
from authz.identity.key import MAX_HEADER, PREFIX, PresentedKey, parse_key

KEY_HEADER = "x-agent-access-key"
AUTHORIZATION = "authorization"
_BEARER = "bearer "
_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*", re.ASCII)
"""JWS compact serialization (RFC 7515 section 3.1); an empty signature is for the verifier to refuse."""


class Credential(NamedTuple):
    """What a request presents; at least one of both is there."""

    key: PresentedKey | None
    token: str | None
    """A JWT in `Authorization`, unproven. Beside a key it may be the app's own."""
    proof_of_possession: bool = False
    """Whether the token came under the scheme `DPoP` (RFC 9449)."""

    def __repr__(self) -> str:
        return f"Credential({self.key!r}, token={'...' if self.token else None})"


def find_credential(request: Request, *, elsewhere: bool = False) -> Credential | None:
    """The one credential for us; with `elsewhere`, None where there is none beside what was found already.

    Raises:
        Refusal: `credential.missing`, `credential.malformed` or `request.ambiguous`.
    """
    headers = request.headers
    authorization = headers.get(AUTHORIZATION)
    own = headers.get(KEY_HEADER)
    if request.repeated and not request.repeated.isdisjoint((AUTHORIZATION, KEY_HEADER)):
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "a header with a credential came more than once")
    if own is None:
        if elsewhere and (not authorization or not _ours(authorization)):
            return None
        if not authorization:
            raise Refusal(Reason.CREDENTIAL_MISSING, "no credential")
        return _from_authorization(authorization)
    if len(own) > MAX_HEADER:
        raise Refusal(Reason.CREDENTIAL_MALFORMED, "the credential is overlong")
    if "," in own:
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "a header with a credential came more than once")
    key = parse_key(own)
    if not authorization:
        return Credential(key, None)
    return _beside(key, authorization)


def header_token(request: Request, name: str) -> str | None:
    """A token in a header of its own, as a binding names it.

    Raises:
        Refusal: it came twice, or is overlong.
    """
    value = request.headers.get(name)
    if value is None:
        return None
    if name in request.repeated or "," in value:
        raise Refusal(Reason.REQUEST_AMBIGUOUS, f"`{name}` came more than once")
    if len(value) > MAX_HEADER:
        raise Refusal(Reason.CREDENTIAL_MALFORMED, "the credential is overlong")
    return value[7:] if value[:7].lower() == _BEARER else value


def _ours(authorization: str) -> bool:
    """Whether it could be meant for us: a key, or a token of which the bindings will tell."""
    scheme, _, text = authorization.partition(" ")
    return hides_key(authorization) or (
        scheme.lower() in {"bearer", "dpop"} and _TOKEN.fullmatch(text) is not None
    )


def _from_authorization(value: str) -> Credential:
    """A key or a token; there is no other credential."""
    if len(value) > MAX_HEADER:
        raise Refusal(Reason.CREDENTIAL_MALFORMED, "the credential is overlong")
    if "," in value:
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "`authorization` came more than once")
    if value[:7].lower() == _BEARER:
        text = value[7:]
        if text.startswith(PREFIX):
            return Credential(parse_key(text), None)
        if _TOKEN.fullmatch(text):
            return Credential(None, text)
        raise Refusal(Reason.CREDENTIAL_MALFORMED, "neither an agent access key nor a token")
    if value[:5].lower() == "dpop " and _TOKEN.fullmatch(value[5:]):
        return Credential(None, value[5:], proof_of_possession=True)
    raise Refusal(Reason.CREDENTIAL_MALFORMED, "`authorization` is neither a bearer key nor a token")


def _beside(key: PresentedKey, authorization: str) -> Credential:
    """`Authorization` beside a key: the same key, the app's own credential, or a contradiction."""
    if hides_key(authorization):
        if authorization[:7].lower() == _BEARER and authorization[7:] == key.text:
            return Credential(key, None)
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "`authorization` and `x-agent-access-key` disagree")
    if len(authorization) <= MAX_HEADER and "," not in authorization:
        scheme, _, text = authorization.partition(" ")
        if scheme.lower() in {"bearer", "dpop"} and _TOKEN.fullmatch(text):
            return Credential(key, text, scheme.lower() == "dpop")
    return Credential(key, None)


def hides_key(authorization: str) -> bool:
    """Whether an agent access key stands in the value, in clear or in a `Basic` one."""
    if PREFIX in authorization.lower():
        return True
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        clear = base64.b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return False
    return PREFIX.encode() in clear.lower()
