"""Signatures against Wycheproof's vectors: each forgery that is known to have worked somewhere."""

import json
from typing import Any

import pytest

from authz.identity.jwks import JwksError, parse_jwks
from authz.identity.jws import MalformedTokenError, Unproven, proven, signed_parts
from tests.conftest import DATA

FILE = DATA / "wycheproof_jws.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_bytes()) if FILE.is_file() else {"groups": []}
pytestmark = pytest.mark.data(FILE.name)
CASES = [
    pytest.param(group["jwk"], text, result, id=f"{number}-{comment}")
    for group in VECTORS["groups"]
    for number, comment, text, result in group["tests"]
]


def holds(jwk: dict[str, Any], text: str) -> bool:
    """Whether we would believe the signature with this key published."""
    try:
        keys = parse_jwks(json.dumps({"keys": [jwk]}).encode())
        header, _ = signed_parts(text)
    except (JwksError, MalformedTokenError):
        return False
    token = Unproven(text, header, {})
    return proven(token, keys.candidates(token.kid, token.algorithm))


def believed_here(jwk: dict[str, Any], text: str) -> bool:
    """Whether a valid vector is one that we mean to believe: no secret, and the key's own algorithm."""
    if jwk["kty"] == "oct":
        return False
    header, _ = signed_parts(text)
    return bool(jwk.get("alg", header["alg"]) == header["alg"])


@pytest.mark.parametrize(("jwk", "text", "result"), CASES)
def test_a_signature_is_believed_exactly_if_it_is_good(jwk: dict[str, Any], text: str, result: str) -> None:
    """All that must be refused is; what is valid passes unless it needs a secret or another algorithm."""
    assert holds(jwk, text) is (result == "valid" and believed_here(jwk, text))


def test_enough_vectors_are_valid_to_tell_the_difference() -> None:
    """A verifier that refuses everything would pass the rest."""
    valid = [
        jwk
        for group in VECTORS["groups"]
        for jwk in [group["jwk"]]
        for one in group["tests"]
        if one[3] == "valid"
    ]

    assert sum(jwk["kty"] != "oct" for jwk in valid) > 30
