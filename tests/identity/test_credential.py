"""Which credential of a request is meant for us: one, or none, never a choice between two."""

import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import Request
from authz.identity.credential import Credential, find_credential
from authz.identity.key import new_key, parse_key

KEY = new_key("prod", "0a1b2c3d4e5f", bytes(range(32)))
OTHER = new_key("prod", "0a1b2c3d4e5f", bytes(32))
TOKEN = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"  # noqa: S105 - a shape, not a secret


def request(authorization: str | None = None, own: str | None = None, repeated: str = "") -> Request:
    """A request with these credentials."""
    headers = {"authorization": authorization, "x-agent-access-key": own}
    return Request(
        headers={name: value for name, value in headers.items() if value is not None},
        repeated=frozenset(repeated.split()),
    )


@pytest.mark.parametrize(
    ("authorization", "own", "found"),
    [
        (f"Bearer {KEY}", None, Credential(parse_key(KEY), None)),
        (f"bEARER {KEY}", None, Credential(parse_key(KEY), None)),
        (None, KEY, Credential(parse_key(KEY), None)),
        (f"Bearer {KEY}", KEY, Credential(parse_key(KEY), None)),
        ("Bearer app-secret", KEY, Credential(parse_key(KEY), None)),
        ("Basic dXNlcjpwYXNz", KEY, Credential(parse_key(KEY), None)),
        ('Digest username="a", realm="b"', KEY, Credential(parse_key(KEY), None)),
        ("", KEY, Credential(parse_key(KEY), None)),
        (f"Bearer {TOKEN}", None, Credential(None, TOKEN)),
        (f"DPoP {TOKEN}", None, Credential(None, TOKEN, proof_of_possession=True)),
        (f"Bearer {TOKEN}", KEY, Credential(parse_key(KEY), TOKEN)),
    ],
)
def test_the_credential_for_us_is_found(
    authorization: str | None, own: str | None, found: Credential
) -> None:
    """Either place will do; what stands beside our own header is the app's."""
    assert find_credential(request(authorization, own)) == found


@pytest.mark.parametrize(
    ("authorization", "own", "repeated", "reason"),
    [
        (None, None, "", Reason.CREDENTIAL_MISSING),
        ("", None, "", Reason.CREDENTIAL_MISSING),
        (None, "", "", Reason.CREDENTIAL_MALFORMED),
        ("Bearer", None, "", Reason.CREDENTIAL_MALFORMED),
        ("Bearer ", None, "", Reason.CREDENTIAL_MALFORMED),
        (KEY, None, "", Reason.CREDENTIAL_MALFORMED),
        (f"Bearer  {KEY}", None, "", Reason.CREDENTIAL_MALFORMED),
        (f"Bearer {KEY} ", None, "", Reason.CREDENTIAL_MALFORMED),
        (f"Bearer {KEY}{KEY}", None, "", Reason.CREDENTIAL_MALFORMED),
        (f"Token {KEY}", None, "", Reason.CREDENTIAL_MALFORMED),
        ("Basic dXNlcjpwYXNz", None, "", Reason.CREDENTIAL_MALFORMED),
        ("Bearer " + "a" * 9000, None, "", Reason.CREDENTIAL_MALFORMED),
        ("Bearer " + "a." * 4500 + "a", None, "", Reason.CREDENTIAL_MALFORMED),
        (None, "aak_" + "a" * 9000, "", Reason.CREDENTIAL_MALFORMED),
        (f"Bearer {KEY},Bearer {KEY}", None, "", Reason.REQUEST_AMBIGUOUS),
        (f"Bearer {KEY}, Bearer {OTHER}", None, "", Reason.REQUEST_AMBIGUOUS),
        (None, f"{KEY},{KEY}", "", Reason.REQUEST_AMBIGUOUS),
        (f"Bearer {KEY}", None, "authorization", Reason.REQUEST_AMBIGUOUS),
        (None, KEY, "x-agent-access-key", Reason.REQUEST_AMBIGUOUS),
        (f"Bearer {OTHER}", KEY, "", Reason.REQUEST_AMBIGUOUS),
        (f"Token {KEY}", KEY, "", Reason.REQUEST_AMBIGUOUS),
        (f"Bearer AAK_{KEY[4:]}", KEY, "", Reason.REQUEST_AMBIGUOUS),
        ("Basic " + base64.b64encode(f"x:{KEY}".encode()).decode(), KEY, "", Reason.REQUEST_AMBIGUOUS),
        (
            "Basic " + base64.b64encode(f"{KEY}:".encode()).decode().rstrip("="),
            KEY,
            "",
            Reason.REQUEST_AMBIGUOUS,
        ),
    ],
)
def test_what_is_absent_unreadable_or_double_is_refused(
    authorization: str | None, own: str | None, repeated: str, reason: Reason
) -> None:
    """A credential is taken whole and once; a key that hides in the app's header would reach the app."""
    with pytest.raises(Refusal) as caught:
        find_credential(request(authorization, own, repeated))

    assert caught.value.objection.reason is reason
    assert KEY[22:] not in caught.value.objection.detail


@given(st.none() | st.text(max_size=300), st.none() | st.text(max_size=300))
def test_any_headers_give_a_credential_or_a_refusal(authorization: str | None, own: str | None) -> None:
    """Untrusted text must not end in another exception."""
    with suppress(Refusal):
        assert find_credential(request(authorization, own)) is not None


def test_a_credential_does_not_show_its_secrets() -> None:
    """A log line or a traceback that prints it gives nothing away."""
    shown = repr(find_credential(request(f"Bearer {TOKEN}", KEY)))

    assert TOKEN not in shown
    assert KEY[22:] not in shown
