"""Signals with any claims: what they mean, or why they are refused."""

from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from authz.identity.signals import EFFECTS, SignalError, Transmitter, signals_of
from tests.identity.issuers import AT, NOW, published, signed
from tests.identity.test_scim import json

TRANSMITTER = Transmitter(
    issuer="https://s", audience="us", jwks="https://s/jwks", subjects_of=frozenset({"https://o"})
)
GOOD = {
    "iss": "https://s",
    "aud": "us",
    "iat": NOW,
    "jti": "1",
    "sub_id": {"format": "iss_sub", "iss": "https://o", "sub": "alice"},
    "events": {next(iter(EFFECTS)): {}},
}


@settings(max_examples=60)
@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(GOOD, json)),
    st.fixed_dictionaries({}, optional={"subject": json, "event_timestamp": json}),
)
def test_any_claims_give_signals_or_a_refusal(changed: dict[str, Any], event: dict[str, Any]) -> None:
    """A transmitter that we trust can still send nonsense."""
    claims = {**GOOD, "events": dict.fromkeys(EFFECTS, event), **changed}
    with suppress(SignalError):
        identity, signals = signals_of(
            signed(claims, header={"typ": "secevent+jwt"}), TRANSMITTER, published("k1"), AT
        )
        assert identity
        assert all(one.at <= AT and one.subject.startswith("https://o|") for one in signals)
