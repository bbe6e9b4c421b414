"""What an app is told is signed, short-lived, and good for one app and one tool."""

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from authz.core.call import Agent, Caller
from authz.identity.assertion import Signer, Vouch, b64url, public_jwk
from authz.identity.verifier import NotVouchedFor, Vouched, trusted_keys, verify_assertion

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
JWKS = {"keys": [public_jwk(KEY.public_key())]}
KEYS = trusted_keys(JWKS)
AT = datetime(2026, 7, 1, 12, tzinfo=UTC)
CALLER = Caller(agent=Agent(id="summarizer"), user="alice@example.com", persona="support", key="0a1b2c3d4e5f")
VOUCH = Vouch(caller=CALLER, persona="support", app="billing", tool="get_balance")


def test_the_claims_are_those_of_the_contract() -> None:
    """Apps are written against them."""
    text = Signer(KEY).sign(VOUCH, AT, "one")
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in text.split(".")[:2])

    assert header == {"alg": "EdDSA", "kid": JWKS["keys"][0]["kid"], "typ": "JWT"}
    assert claims == {
        "iss": "agent-personas",
        "sub": "alice@example.com",
        "act": {"sub": "summarizer"},
        "aud": "billing",
        "persona": "support",
        "tool": "get_balance",
        "iat": int(AT.timestamp()),
        "exp": int(AT.timestamp()) + 60,
        "jti": "one",
    }


def test_any_jwt_library_verifies_it_with_the_published_jwks() -> None:
    """An app team need not use our verifier."""
    now = datetime.now(UTC)
    text = Signer(KEY).sign(VOUCH, now, "one")
    published = jwt.PyJWKSet.from_dict(JWKS)

    claims: dict[str, Any] = jwt.decode(
        text, published[JWKS["keys"][0]["kid"]], algorithms=["EdDSA"], audience="billing"
    )
    assert claims["act"] == {"sub": "summarizer"}


def test_a_good_assertion_says_who_is_calling() -> None:
    """What the app's audit log needs."""
    text = Signer(KEY).per_call(VOUCH, AT, "one", decision="d-1", args_digest="hmac:1")

    assert verify_assertion(text, KEYS, app="billing", tool="get_balance", at=AT) == Vouched(
        user="alice@example.com",
        agent="summarizer",
        persona="support",
        tool="get_balance",
        id="one",
        decision="d-1",
        args_digest="hmac:1",
    )


@pytest.mark.parametrize(
    ("app", "tool", "seconds"),
    [
        ("crm", "get_balance", 0),
        ("billing", "adjust_balance", 0),
        ("billing", "get_balance", 66),
        ("billing", "get_balance", -6),
    ],
)
def test_an_assertion_for_something_else_is_refused(app: str, tool: str, seconds: int) -> None:
    """One that leaks, or is carried over, opens nothing but the one call for one minute."""
    text = Signer(KEY).sign(VOUCH, AT, "one")

    with pytest.raises(NotVouchedFor):
        verify_assertion(text, KEYS, app=app, tool=tool, at=AT + timedelta(seconds=seconds))


def forged(header: dict[str, Any], claims: dict[str, Any], key: Ed25519PrivateKey = KEY) -> str:
    """A text signed with `key`, whatever it says."""
    signed = ".".join(b64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{b64url(key.sign(signed.encode()))}"


@pytest.mark.parametrize("claim", ["iss", "sub", "act", "aud", "persona", "tool", "iat", "exp", "jti"])
def test_an_assertion_that_lacks_a_claim_is_refused(claim: str) -> None:
    """Silence permits nothing."""
    text = Signer(KEY).sign(VOUCH, AT, "one")
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in text.split(".")[:2])
    assert verify_assertion(forged(header, claims), KEYS, app="billing", at=AT).id == "one"
    del claims[claim]

    with pytest.raises(NotVouchedFor):
        verify_assertion(forged(header, claims), KEYS, app="billing", at=AT)


def test_forged_texts_are_refused() -> None:
    """Another key, no algorithm, an unknown key, a changed claim, another spelling of the signature."""
    text = Signer(KEY).sign(VOUCH, AT, "one")
    head, body, signature = text.split(".")
    header, claims = (json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, body))
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))

    for bad in (
        forged(header, claims, other),
        forged({**header, "alg": "none"}, claims),
        forged({**header, "kid": "x"}, claims),
        forged({**header, "crit": ["exp"]}, claims),
        forged({**header, "kid": ["x"]}, claims),
        f"{head}.{b64url(json.dumps({**claims, 'sub': 'root'}).encode())}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}.{signature}=",
        f"{head}.{body}.{signature}.x",
        f"{head}.{body}.{signature[:-1]}{chr(ord(signature[-1]) + 1)}",
        "",
        "." * 9000,
    ):
        with pytest.raises(NotVouchedFor):
            verify_assertion(bad, KEYS, app="billing", at=AT)


@given(st.text(max_size=100))
def test_any_text_is_refused_and_nothing_else(text: str) -> None:
    """An app must not fall over an assertion."""
    with pytest.raises(NotVouchedFor):
        verify_assertion(f"{text}.{text}.{text}", KEYS, app="billing", at=AT)


def test_the_same_assertion_is_sent_for_half_of_its_life() -> None:
    """Signing stays off the hot path, and an app always gets 30 s to act."""
    signer = Signer(KEY)
    numbers = count()

    def text(seconds: float, vouch: Vouch = VOUCH) -> str:
        return signer.cached(vouch, AT + timedelta(seconds=seconds), lambda: str(next(numbers)))

    first = text(0)
    assert text(29.9) == first
    assert text(30) != first
    assert text(29) != first  # the clock stepped back: a new one, never one from the future
    assert next(numbers) == 3


@pytest.mark.parametrize(
    "other",
    [
        Vouch(caller=CALLER, persona="support", app="billing", tool="adjust_balance"),
        Vouch(caller=CALLER, persona="support", app="crm", tool="get_balance"),
        Vouch(caller=CALLER, persona="other", app="billing", tool="get_balance"),
        Vouch(
            caller=Caller(agent=CALLER.agent, user="bob", persona="support", key=None),
            persona="support",
            app="billing",
            tool="get_balance",
        ),
    ],
)
def test_no_two_callers_or_tools_share_an_assertion(other: Vouch) -> None:
    """What is kept for one must never be sent for another."""
    signer = Signer(KEY)
    first = signer.cached(VOUCH, AT, lambda: "one")

    assert signer.cached(other, AT, lambda: "two") != first
    assert signer.cached(VOUCH, AT, lambda: "three") == first


def test_keys_of_other_kinds_are_left_out_of_what_is_trusted() -> None:
    """A JWKS may hold more than ours."""
    assert trusted_keys({"keys": [{"kty": "RSA", "kid": "x"}, *JWKS["keys"]]}).keys() == KEYS.keys()
    assert trusted_keys({}) == {}
