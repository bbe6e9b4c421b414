"""Tokens under attack: what a forger would try, and what a verified token may be used for."""

import base64
import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import jwt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.core.binding import Binding, Pick
from authz.core.decision import Refusal
from authz.core.definitions import Definitions
from authz.core.reason import Reason
from authz.core.request import UNKNOWN_SOURCE, Request, Source
from authz.identity.dpop import thumbprint
from authz.identity.jwks import JwksError, parse_jwks
from authz.identity.key import fingerprint, new_key
from authz.identity.ladder import Believed, identify
from authz.identity.record import KeyRecord
from authz.identity.ring import KeyRing
from authz.identity.tokens import Tokens
from tests.identity.issuers import AT, NOW, key_of, published, signed

ISSUER = "https://idp.example.com"
JWKS_URL = "https://idp.example.com/jwks.json"
BINDING = Binding(
    name="one",
    issuer=ISSUER,
    audiences=frozenset({"tools"}),
    jwks=JWKS_URL,
    algorithms=frozenset({"RS256", "ES256"}),
    agent=Pick(claim=("act", "sub")),
    persona=Pick(claim=("roles",), table={"support": "support", "billing": "billing"}),
)
CLAIMS = {
    "iss": ISSUER,
    "aud": "tools",
    "sub": "alice",
    "act": {"sub": "summarizer"},
    "roles": ["support", "unmapped"],
    "iat": NOW,
    "exp": NOW + 300,
}
PEPPER = b"pepper"


def tokens(*bindings: Binding, keys: tuple[str, ...] = ("k1",)) -> Tokens:
    """What is believed."""
    definitions = Definitions(
        bindings=bindings or (BINDING,), subjects={f"{ISSUER}|alice": "alice@example.com"}
    )
    return Tokens(definitions, {JWKS_URL: published(*keys)} if keys else {})


def reason(text: str, *bindings: Binding, at: datetime = AT, source: Source = UNKNOWN_SOURCE) -> Reason:
    """Why the token is refused; nothing of it is repeated."""
    with pytest.raises(Refusal) as caught:
        tokens(*bindings).resolve(text, "authorization", at, source)
    detail = caught.value.objection.detail
    assert not any(len(part) > 8 and part in detail for part in text.split("."))
    return caught.value.objection.reason


def compact(
    header: Mapping[str, Any] | bytes, claims: Mapping[str, Any] | bytes, signature: bytes = b"x"
) -> str:
    """Three parts, whatever they say."""
    parts = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in (header, claims)]
    return ".".join(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in (*parts, signature))


def test_a_good_token_is_believed_and_costs_a_signature_once() -> None:
    """A repeat is found by digest; the answer is the same."""
    known = tokens()
    text = signed(CLAIMS)
    first = known.resolve(text, "authorization", AT, UNKNOWN_SOURCE)
    again = known.resolve(text, "authorization", AT, UNKNOWN_SOURCE)

    assert again is first
    assert (first.caller.agent.id, first.caller.user, first.caller.persona) == (
        "summarizer",
        "alice@example.com",
        "support",
    )


def test_a_remembered_token_still_ends() -> None:
    """The memory keeps what was proven, not that it is in time."""
    known = tokens()
    text = signed(CLAIMS)
    known.resolve(text, "authorization", AT, UNKNOWN_SOURCE)

    known.resolve(text, "authorization", AT + timedelta(seconds=359), UNKNOWN_SOURCE)
    with pytest.raises(Refusal) as caught:
        known.resolve(text, "authorization", AT + timedelta(seconds=360), UNKNOWN_SOURCE)
    assert caught.value.objection.reason is Reason.CREDENTIAL_EXPIRED


def test_no_algorithm_is_no_proof() -> None:
    """`none`, in any spelling, and with or without a signature."""
    for name in ("none", "None", "NONE", "nOnE", ""):
        assert reason(compact({"alg": name, "kid": "k1"}, CLAIMS, b"")) in {
            Reason.CREDENTIAL_UNKNOWN,
            Reason.CREDENTIAL_MALFORMED,
        }
    assert reason(compact({"kid": "k1"}, CLAIMS)) is Reason.CREDENTIAL_UNKNOWN


def test_a_public_key_is_no_hmac_secret() -> None:
    """The classic confusion: HS256 with the issuer's public key, which everyone has."""
    public = key_of("k1").as_pem(private=False)
    header, body = compact({"alg": "HS256", "kid": "k1", "typ": "JWT"}, CLAIMS).split(".")[:2]
    mac = jwt.get_algorithm_by_name("HS256")
    signature = mac.sign(f"{header}.{body}".encode(), hashlib.sha256(public).digest())

    forged = f"{header}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
    assert reason(forged) is Reason.CREDENTIAL_UNKNOWN


def test_only_algorithms_of_the_binding_and_of_the_keys_kind_count() -> None:
    """RSA with PSS padding is another algorithm; an EC algorithm needs an EC key."""
    assert reason(signed(CLAIMS, algorithm="PS256")) is Reason.CREDENTIAL_UNKNOWN
    assert reason(signed(CLAIMS, algorithm="ES256")) is Reason.CREDENTIAL_UNKNOWN


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_every_admitted_algorithm_verifies(algorithm: str) -> None:
    """A binding may admit what its issuer uses."""
    binding = replace(BINDING, algorithms=frozenset({algorithm}))
    definitions = Definitions(bindings=(binding,), subjects={f"{ISSUER}|alice": "alice@example.com"})
    known = Tokens(definitions, {JWKS_URL: published("k1", algorithm=algorithm)})

    found = known.resolve(signed(CLAIMS, algorithm=algorithm), "authorization", AT, UNKNOWN_SOURCE)
    assert found.caller.user == "alice@example.com"


def test_keys_that_a_token_brings_along_are_not_looked_at() -> None:
    """`jwk`, `jku`, `x5u`: a forger's own key proves only that he has one."""
    own = key_of("forger").as_dict(private=False)
    for header in ({"jwk": own}, {"jku": "https://evil.example/jwks"}, {"x5u": "https://evil.example/x"}):
        assert reason(signed(CLAIMS, name="forger", header=header)) is Reason.CREDENTIAL_UNKNOWN
        assert (
            reason(signed(CLAIMS, name="forger", header={**header, "kid": "k1"})) is Reason.CREDENTIAL_UNKNOWN
        )


def test_extensions_that_are_not_known_are_refused() -> None:
    """RFC 7515 section 4.1.11; an unencoded payload (RFC 7797) is signed text that we would misread."""
    for header in (
        {"crit": ["exp"], "alg": "RS256"},
        {"b64": False, "alg": "RS256"},
        {"kid": 7, "alg": "RS256"},
    ):
        assert reason(compact(header, CLAIMS)) is Reason.CREDENTIAL_MALFORMED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "a.b",
        "a.b.c.d",
        "..",
        compact(b"[]", CLAIMS),
        compact({"alg": "RS256"}, b"[]"),
        compact(b'{"alg":"RS256","alg":"none"}', CLAIMS),
        compact({"alg": "RS256"}, b'{"sub":"alice","sub":"root"}'),
        compact({"alg": "RS256"}, b'{"exp":NaN}'),
        compact({"alg": "RS256"}, b"\xff"),
        compact({"alg": "RS256"}, b"[" * 3000),
        "x" * 9000,
    ],
)
def test_what_is_no_token_is_malformed(text: str) -> None:
    """Two readings of one text are one too many."""
    assert reason(text) is Reason.CREDENTIAL_MALFORMED


def test_another_spelling_of_a_good_token_is_refused() -> None:
    """Padding, and bits behind the last byte, would make many texts of one token."""
    good = signed(CLAIMS)
    head, body, signature = good.split(".")
    last = signature[-1]
    other = chr(ord(last) + 1) if last not in "Zz9-_" else "A"

    for text in (
        f"{head}=.{body}.{signature}",
        f"{head}.{body}.{signature}=",
        f"{head}.{body}.{signature[:-1]}{other}",
    ):
        assert reason(text) in {Reason.CREDENTIAL_MALFORMED, Reason.CREDENTIAL_UNKNOWN}


@given(st.text(max_size=200))
def test_any_text_is_refused_and_nothing_else(text: str) -> None:
    """Untrusted text must not end in another exception."""
    with pytest.raises(Refusal):
        tokens().resolve(text, "authorization", AT, UNKNOWN_SOURCE)


def test_an_identity_token_or_another_kind_is_no_access_token() -> None:
    """`typ` keeps what was signed for another purpose out (RFC 8725 section 3.11)."""
    assert reason(signed(CLAIMS, header={"typ": "secevent+jwt"})) is Reason.CREDENTIAL_UNKNOWN
    assert reason(signed(CLAIMS, header={"typ": "dpop+jwt"})) is Reason.CREDENTIAL_UNKNOWN
    only = replace(BINDING, types=frozenset({"at+jwt"}))
    assert reason(signed(CLAIMS), only) is Reason.CREDENTIAL_UNKNOWN


def test_a_token_must_name_one_persona() -> None:
    """Several would let the agent choose; none gives nothing."""
    assert reason(signed({**CLAIMS, "roles": ["support", "billing"]})) is Reason.REQUEST_AMBIGUOUS
    assert reason(signed({**CLAIMS, "roles": []})) is Reason.AGENT_UNKNOWN
    assert reason(signed({**CLAIMS, "roles": "admin"})) is Reason.AGENT_UNKNOWN


def test_two_bindings_that_both_admit_a_token_are_ambiguous() -> None:
    """Otherwise the order of files would decide who is calling."""
    other = replace(BINDING, name="two", persona=Pick(value="billing"))

    assert reason(signed(CLAIMS), BINDING, other) is Reason.REQUEST_AMBIGUOUS


def test_a_subject_of_another_issuer_is_another_person() -> None:
    """The same text under two issuers is two people."""
    binding = replace(BINDING, issuer="https://other.example.com")
    text = signed({**CLAIMS, "iss": "https://other.example.com"})

    assert reason(text, binding) is Reason.USER_UNKNOWN


def test_a_key_that_is_not_there_is_asked_for_and_the_token_refused() -> None:
    """An issuer that rotates is followed without a restart, and no call waits for it."""
    known = tokens(keys=("k1",))
    with pytest.raises(Refusal):
        known.resolve(signed(CLAIMS, name="k2"), "authorization", AT, UNKNOWN_SOURCE)
    assert known.wanted == {JWKS_URL}

    after = tokens(keys=("k1", "k2"))
    for name in ("k1", "k2"):
        assert after.resolve(signed(CLAIMS, name=name), "authorization", AT, UNKNOWN_SOURCE)
    assert after.wanted == set()


def test_a_token_without_a_key_id_needs_an_issuer_with_one_key() -> None:
    """Trying all keys would believe one that was meant for something else."""
    text = signed(CLAIMS, header={"kid": None})

    assert tokens().resolve(text, "authorization", AT, UNKNOWN_SOURCE)
    with pytest.raises(Refusal):
        tokens(keys=("k1", "k2")).resolve(text, "authorization", AT, UNKNOWN_SOURCE)


def test_a_token_bound_to_a_certificate_needs_its_peer() -> None:
    """RFC 8705: a stolen token is of no use without the key."""
    text = signed({**CLAIMS, "cnf": {"x5t#S256": "thumb"}})

    assert tokens().resolve(text, "authorization", AT, Source(thumbprint="thumb"))
    for source in (UNKNOWN_SOURCE, Source(thumbprint="other"), Source(principal="thumb")):
        assert reason(text, source=source) is Reason.CREDENTIAL_SOURCE


TOKEN_KEY = key_of("holder", "ES256")
JKT = thumbprint({name: str(value) for name, value in TOKEN_KEY.as_dict(private=False).items()})
BOUND = signed({**CLAIMS, "cnf": {"jkt": JKT}})
PROOF = {
    "jti": "p1",
    "htm": "POST",
    "htu": "https://gateway.example.com/mcp",
    "iat": NOW,
    "ath": base64.urlsafe_b64encode(hashlib.sha256(BOUND.encode()).digest()).rstrip(b"=").decode(),
}


def proof(claims: Mapping[str, Any] = PROOF, *, name: str = "holder", typ: str = "dpop+jwt") -> str:
    """A proof of possession."""
    jwk = {
        member: value
        for member, value in key_of(name, "ES256").as_dict(private=False).items()
        if member != "kid"
    }
    return signed(claims, name=name, algorithm="ES256", header={"typ": typ, "jwk": jwk, "kid": None})


def dpop(
    text: str | None, seen: set[str] | None = None, token: str = BOUND, scheme: str = "DPoP"
) -> Reason | None:
    """Why a request with this proof is refused; None when it is not."""
    remembered = set() if seen is None else seen

    def replayed(name: str, _at: datetime) -> bool:
        known = name in remembered
        remembered.add(name)
        return known

    headers = {"authorization": f"{scheme} {token}", **({} if text is None else {"dpop": text})}
    request = Request(method="POST", path="/mcp?x=1", host="gateway.example.com", headers=headers)
    try:
        identify(request, AT, KeyRing.of([], PEPPER), Believed(tokens(), replayed))
    except Refusal as refusal:
        return refusal.objection.reason
    return None


def test_a_token_bound_to_a_key_needs_a_proof_for_this_request() -> None:
    """RFC 9449: each part of the proof is a door that a thief would use."""
    assert dpop(proof()) is None
    for claims in (
        {**PROOF, "htm": "GET"},
        {**PROOF, "htu": "https://other.example.com/mcp"},
        {**PROOF, "htu": "https://gateway.example.com/admin"},
        {**PROOF, "htu": "https://gateway.example.com/mcp?x=1"},
        {**PROOF, "htu": "https://a@gateway.example.com/mcp"},
        {**PROOF, "htu": None},
        {**PROOF, "iat": NOW - 61},
        {**PROOF, "iat": NOW + 61},
        {**PROOF, "iat": "now"},
        {**PROOF, "ath": "other"},
        {**PROOF, "jti": ""},
    ):
        assert dpop(proof(claims)) is Reason.CREDENTIAL_SOURCE
    assert dpop(None) is Reason.CREDENTIAL_SOURCE
    assert dpop(proof(name="thief")) is Reason.CREDENTIAL_SOURCE
    assert dpop(proof(typ="JWT")) is Reason.CREDENTIAL_SOURCE
    assert dpop("a.b.c") is Reason.CREDENTIAL_SOURCE
    assert dpop(f"{proof()},{proof()}") is Reason.REQUEST_AMBIGUOUS


def test_a_proof_is_good_once() -> None:
    """Replay protection is the point of it."""
    seen: set[str] = set()

    assert dpop(proof(), seen) is None
    assert dpop(proof(), seen) is Reason.CREDENTIAL_SOURCE


def test_a_token_that_is_not_bound_does_not_pass_under_the_scheme_that_says_so() -> None:
    """`Authorization: DPoP` with a plain token would look proven and is not."""
    assert dpop(proof(), token=signed(CLAIMS)) is Reason.CREDENTIAL_SOURCE


KEY = new_key("prod", "0a1b2c3d4e5f", bytes(32))
RECORD = KeyRecord(
    id="0a1b2c3d4e5f",
    env="prod",
    agent="summarizer",
    user="alice@example.com",
    persona="support",
    digest=fingerprint(PEPPER, KEY),
    expires=AT + timedelta(days=1),
    issued_at=AT,
)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (RECORD, None),
        (replace(RECORD, user="bob"), Reason.REQUEST_AMBIGUOUS),
        (replace(RECORD, agent="other"), Reason.REQUEST_AMBIGUOUS),
        (replace(RECORD, persona="billing"), Reason.REQUEST_AMBIGUOUS),
        (replace(RECORD, suspended=True), Reason.CREDENTIAL_SUSPENDED),
    ],
)
def test_a_key_and_a_token_for_us_must_agree(record: KeyRecord, expected: Reason | None) -> None:
    """Two that name different callers leave a choice; a bad one beside a good one is not overlooked."""
    headers = {"authorization": f"Bearer {signed(CLAIMS)}", "x-agent-access-key": KEY}
    known = Believed(tokens(), lambda _name, _at: False)
    found = None
    try:
        identify(Request(headers=headers), AT, KeyRing.of([record], PEPPER), known)
    except Refusal as refusal:
        found = refusal.objection.reason

    assert found is expected


def test_a_jwks_holds_only_keys_that_can_verify() -> None:
    """Secrets, private keys, short keys and keys for encryption are left out."""
    good = {**key_of("k1").as_dict(private=False), "use": "sig"}
    bad = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "h"},
        key_of("k1").as_dict(private=True),
        {**good, "use": "enc"},
        {**good, "key_ops": ["encrypt"]},
        {**good, "n": "AQAB"},
        {**good, "kid": 7},
        {"kty": "EC", "crv": "secp256k1", "x": "a", "y": "b"},
        "text",
    ]

    assert len(parse_jwks(json.dumps({"keys": [*bad, good]}).encode()).keys) == 1
    with pytest.raises(JwksError):
        parse_jwks(json.dumps({"keys": bad}).encode())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": [], "keys": []}',
        b"\xff",
        b"[" * 100_000,
        b" " * (10 << 20),
        json.dumps({"keys": [{}] * 101}).encode(),
    ],
)
def test_what_is_no_jwks_is_refused(data: bytes) -> None:
    """An issuer that is broken, or taken over, must not take us along."""
    with pytest.raises(JwksError):
        parse_jwks(data)


any_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=60)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys((*CLAIMS, "nbf", "cnf", "_claim_names"), any_json)))
def test_any_claims_of_a_trusted_issuer_give_a_caller_or_a_refusal(changed: dict[str, Any]) -> None:
    """An issuer that we trust can still send nonsense."""
    with suppress(Refusal):
        found = tokens().resolve(signed({**CLAIMS, **changed}), "authorization", AT, UNKNOWN_SOURCE)
        assert (found.caller.user, found.caller.persona) == ("alice@example.com", "support")


@settings(max_examples=60)
@given(st.fixed_dictionaries({}, optional=dict.fromkeys(PROOF, any_json)))
def test_any_proof_of_possession_is_good_or_refused(changed: dict[str, Any]) -> None:
    """Whoever holds a key can sign nonsense with it."""
    assert dpop(proof({**PROOF, **changed})) in {None, Reason.CREDENTIAL_SOURCE}


def test_a_session_that_was_ended_takes_its_tokens_along() -> None:
    """CAEP: a token that was issued later is of a new session."""
    definitions = Definitions(bindings=(BINDING,), subjects={f"{ISSUER}|alice": "alice@example.com"})
    known = Tokens(definitions, {JWKS_URL: published("k1")}, {f"{ISSUER}|alice": NOW})

    with pytest.raises(Refusal) as caught:
        known.resolve(signed(CLAIMS), "authorization", AT, UNKNOWN_SOURCE)
    assert caught.value.objection.reason is Reason.CREDENTIAL_REVOKED
    later = signed({**CLAIMS, "iat": NOW + 1})
    assert known.resolve(later, "authorization", AT, UNKNOWN_SOURCE).caller.user == "alice@example.com"


@given(
    st.dictionaries(
        st.sampled_from(["authorization", "x-agent-access-key", "dpop", "x-user-jwt"]), st.text(max_size=80)
    ),
    st.frozensets(st.sampled_from(["authorization", "x-agent-access-key", "dpop", "x-user-jwt"])),
    st.text(max_size=20),
)
def test_any_request_has_a_caller_or_is_refused(
    headers: dict[str, str], repeated: frozenset[str], principal: str
) -> None:
    """The whole ladder, with everything that is believed."""
    binding = replace(BINDING, name="two", header="x-user-jwt")
    known = Believed(tokens(BINDING, binding), lambda _name, _at: False)
    request = Request(headers=headers, repeated=repeated, source=Source(principal=principal))

    with pytest.raises(Refusal):
        identify(request, AT, KeyRing.of([RECORD], PEPPER), known)
