"""Security Event Tokens (RFC 8417) of CAEP and RISC: verified, and reduced to what they mean here. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from authz.identity.jwks import Jwks
from authz.identity.jws import MalformedTokenError, opened, proven

CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
RISC = "https://schemas.openid.net/secevent/risc/event-type/"
VERIFICATION = "https://schemas.openid.net/secevent/ssf/event-type/verification"
LEEWAY = 60
_MILLISECONDS = 10**11
"""A time above this is in milliseconds (Okta); in seconds it would be after the year 5000."""


class Effect(StrEnum):
    """What an event does."""

    DISABLE = "disable"
    ENABLE = "enable"
    END_SESSIONS = "end-sessions"
    NOTHING = "nothing"


EFFECTS: Mapping[str, Effect] = {
    CAEP + "session-revoked": Effect.END_SESSIONS,
    RISC + "sessions-revoked": Effect.END_SESSIONS,
    RISC + "account-disabled": Effect.DISABLE,
    RISC + "account-purged": Effect.DISABLE,
    RISC + "credential-compromise": Effect.DISABLE,
    RISC + "account-enabled": Effect.ENABLE,
}
"""Events that change something; all others are acknowledged and change nothing."""


class SignalError(Exception):
    """A SET that is not accepted; `code` is one of RFC 8935 section 2.4."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Transmitter:
    """Who may send signals, and about whom."""

    issuer: str
    audience: str
    jwks: str
    subjects_of: frozenset[str]
    """Issuers whose subjects it may speak of: mostly itself."""
    algorithms: frozenset[str] = frozenset({"RS256", "ES256"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One event about one person."""

    effect: Effect
    event: str
    issuer: str
    subject: str
    """With the issuer of the subject before a bar: `issuer|subject`, as in the Directory."""
    at: datetime


def signals_of(
    text: str, transmitter: Transmitter, jwks: Jwks, at: datetime
) -> tuple[str, tuple[Signal, ...]]:
    """Id of the SET, and what it says.

    Raises:
        SignalError: not a SET of this transmitter for us.
    """
    try:
        token = opened(text)
    except MalformedTokenError as error:
        raise SignalError("invalid_request", str(error)) from None
    kind = str(token.header.get("typ", "")).lower().removeprefix("application/")
    if kind != "secevent+jwt" or token.algorithm not in transmitter.algorithms:
        raise SignalError("invalid_request", "not a security event token")
    if not proven(token, jwks.candidates(token.kid, token.algorithm)):
        raise SignalError("invalid_key", "not signed with a key of the transmitter")
    claims = token.unverified_claims  # from here on verified
    audience = claims.get("aud")
    if claims.get("iss") != transmitter.issuer:
        raise SignalError("invalid_issuer", "of another issuer")
    if transmitter.audience not in (audience if isinstance(audience, list) else [audience]):
        raise SignalError("invalid_audience", "for another audience")
    identity, issued, events = claims.get("jti"), claims.get("iat"), claims.get("events")
    if not isinstance(identity, str) or not identity or not isinstance(events, dict) or not events:
        raise SignalError("invalid_request", "no id, or no events")
    if not isinstance(issued, int | float) or issued > at.timestamp() + LEEWAY:
        raise SignalError("invalid_request", "not issued yet")
    found = (_signal(name, body, claims, transmitter, at) for name, body in events.items())
    return identity, tuple(one for one in found if one is not None)


def _signal(
    name: str, body: object, claims: Mapping[str, Any], transmitter: Transmitter, at: datetime
) -> Signal | None:
    effect = EFFECTS.get(name, Effect.NOTHING)
    if effect is Effect.NOTHING:
        return None
    if not isinstance(body, dict):
        raise SignalError("invalid_request", "an event is an object")
    # SSF 1.0 puts the subject beside the events; Okta puts it inside.
    subject = _subject(claims.get("sub_id") or body.get("subject"), transmitter)
    return Signal(
        effect=effect,
        event=name,
        issuer=transmitter.issuer,
        subject=subject,
        at=_time(body.get("event_timestamp"), at),
    )


def _subject(named: object, transmitter: Transmitter) -> str:
    """By issuer and subject only: an e-mail address is not who a person is."""
    if isinstance(named, dict) and isinstance(named.get("user"), dict):
        named = named[
            "user"
        ]  # a complex subject (RFC 9493 section 3.2.7) names the person beside the session
    if isinstance(named, dict) and named.get("format") == "iss_sub":
        issuer, subject = named.get("iss"), named.get("sub")
    elif isinstance(named, dict) and named.get("format") == "opaque":
        issuer, subject = transmitter.issuer, named.get("id")
    else:
        raise SignalError("invalid_request", "the subject must be of format `iss_sub` or `opaque`")
    if not isinstance(issuer, str) or not isinstance(subject, str) or not subject:
        raise SignalError("invalid_request", "the subject is incomplete")
    if issuer not in transmitter.subjects_of:
        raise SignalError("access_denied", "the transmitter may not speak of this issuer's people")
    return f"{issuer}|{subject}"


def _time(value: object, at: datetime) -> datetime:
    """When it happened; now when it does not say, or says the future."""
    if not isinstance(value, int | float) or isinstance(value, bool) or value <= 0:
        return at
    seconds = value / 1000 if value > _MILLISECONDS else value
    return min(at, datetime.fromtimestamp(min(seconds, at.timestamp()), UTC))
