"""Tokens of identity providers and agent platforms: verified once, then known by digest until they end.

A snapshot: bindings, people and the issuers' keys are fixed when it is made, so that a change of any of them
begins with an empty memory. The leeway of 60 s is for the clocks of issuers; Agent Access Keys have none.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from authz.core.binding import Binding
from authz.core.call import Agent, Caller
from authz.core.decision import Refusal
from authz.core.definitions import Definitions
from authz.core.reason import Reason
from authz.core.request import Source
from authz.identity.claims import holds, overage, picked, values
from authz.identity.jwks import Jwks
from authz.identity.jws import MalformedTokenError, Unproven, opened, proven
from authz.identity.record import is_spiffe

LEEWAY = 60
"""Seconds by which an issuer's clock may differ from ours."""
_HELD = 65_536
"""Verified tokens that are remembered."""
_TYPES = frozenset({"", "jwt", "at+jwt", "application/at+jwt"})


class Proven(NamedTuple):
    """A verified token."""

    caller: Caller
    begins: float
    ends: float
    """Seconds since 1970, leeway included."""
    certificate: str | None
    """`cnf.x5t#S256`: only who holds this certificate may use it (RFC 8705)."""
    key: str | None
    """`cnf.jkt`: only who holds this key may use it (RFC 9449)."""
    subject: str
    """`issuer|subject`."""
    issued: float
    """Seconds since 1970; 0 when the token does not say."""


class Tokens:
    """Which tokens are believed, and whom they stand for."""

    __slots__ = (
        "_bindings",
        "_ended",
        "_held",
        "_jwks",
        "_subjects",
        "headers",
        "issuers",
        "wanted",
        "workloads",
    )

    def __init__(
        self, definitions: Definitions, jwks: Mapping[str, Jwks], ended: Mapping[str, float] | None = None
    ) -> None:
        self._bindings: dict[tuple[str, str], list[Binding]] = {}
        for binding in definitions.bindings:
            self._bindings.setdefault((binding.header, binding.issuer), []).append(binding)
        self._subjects = definitions.subjects
        self._jwks = jwks
        self._ended = ended or {}
        """By subject: sessions begun until then are over, and so are their tokens."""
        self._held: dict[bytes, Proven] = {}
        self.headers = frozenset(one.header for one in definitions.bindings)
        """Headers that may carry a token for us."""
        self.issuers = frozenset(one.issuer for one in definitions.bindings)
        self.workloads = {
            principal: Caller(
                agent=Agent(
                    id=one.agent,
                    model=one.model,
                    version=one.version,
                    deployment=one.deployment,
                    workload=principal if is_spiffe(principal) else None,
                ),
                user=one.user,
                persona=one.persona,
                proof="workload",
            )
            for principal, one in definitions.workloads.items()
        }
        """Callers that need no credential, by what mTLS proves of them."""
        self.wanted: set[str] = set()
        """JWKS of which a key was asked for that is not there: to be fetched, off the path of a call."""

    def for_us(self, text: str, header: str) -> bool:
        """Whether a binding would look at the token; says nothing of whether it is good."""
        try:
            token = opened(text)
        except MalformedTokenError:
            return False
        return (header, str(token.unverified_claims.get("iss"))) in self._bindings

    def resolve(self, text: str, header: str, at: datetime, source: Source) -> Proven:
        """Whom the token stands for.

        Raises:
            Refusal: `credential.` malformed, unknown, expired or source; `user.unknown`; `request.ambiguous`.
        """
        digest = hashlib.sha256(f"{header}:{text}".encode()).digest()
        found = self._held.get(digest)
        if found is None:
            found = self._verified(text, header, digest)
            if len(self._held) >= _HELD:
                self._held.clear()
            self._held[digest] = found
        now = at.timestamp()
        if now < found.begins:
            raise Refusal(Reason.CREDENTIAL_EXPIRED, "the token is not valid yet")
        if now >= found.ends:
            raise Refusal(Reason.CREDENTIAL_EXPIRED, "the token expired")
        if self._ended and found.issued <= self._ended.get(found.subject, -1):
            raise Refusal(Reason.CREDENTIAL_REVOKED, "the session of the token was ended")
        if found.certificate is not None and found.certificate != source.thumbprint:
            raise Refusal(
                Reason.CREDENTIAL_SOURCE, "the token is bound to another certificate than the peer's"
            )
        if is_spiffe(source.principal):
            agent = replace(found.caller.agent, workload=source.principal)
            return found._replace(caller=replace(found.caller, agent=agent))
        return found

    def _verified(self, text: str, header: str, digest: bytes) -> Proven:
        try:
            token = opened(text)
        except MalformedTokenError as error:
            raise Refusal(Reason.CREDENTIAL_MALFORMED, str(error)) from None
        issuer = token.unverified_claims.get("iss")
        bindings = self._bindings.get((header, issuer), []) if isinstance(issuer, str) else []
        if not bindings:
            raise Refusal(Reason.CREDENTIAL_UNKNOWN, "no binding for the issuer of the token")
        signed = [one for one in bindings if self._signed(token, one)]
        if not signed:
            raise Refusal(
                Reason.CREDENTIAL_UNKNOWN, "the token is not signed as its issuer's binding asks for"
            )
        claims = token.unverified_claims  # from here on verified
        begins, ends = _times(claims)
        binding = _one_of(claims, signed)
        caller = self._caller(claims, binding, "token:" + digest.hex()[:32])
        certificate, key = _bound_to(claims)
        issued = _time(claims, "iat") if "iat" in claims else 0
        named = values(claims, binding.subject or ("sub",))
        return Proven(caller, begins, ends, certificate, key, f"{issuer}|{''.join(named)}", issued)

    def _signed(self, token: Unproven, binding: Binding) -> bool:
        kind = token.header.get("typ", "")
        if not isinstance(kind, str) or kind.lower() not in (binding.types or _TYPES):
            return False
        if token.algorithm not in binding.algorithms:
            return False
        jwks = self._jwks.get(binding.jwks)
        keys = jwks.candidates(token.kid, token.algorithm) if jwks is not None else []
        if not keys:
            self.wanted.add(binding.jwks)
            return False
        return proven(token, keys)

    def _caller(self, claims: Mapping[str, Any], binding: Binding, name: str) -> Caller:
        agents, personas = picked(claims, binding.agent), picked(claims, binding.persona)
        if len(agents) != 1 or len(personas) != 1:
            what = "agent" if len(agents) != 1 else "persona"
            several = len(agents) > 1 or (len(agents) == 1 and len(personas) > 1)
            reason = Reason.REQUEST_AMBIGUOUS if several else Reason.AGENT_UNKNOWN
            raise Refusal(reason, f"the token names {'more than one' if several else 'no'} {what}")
        return Caller(
            agent=Agent(
                id=next(iter(agents)),
                model=_only(picked(claims, binding.model)),
                version=_only(picked(claims, binding.version)),
                deployment=_only(picked(claims, binding.deployment)),
            ),
            user=self._user(claims, binding),
            persona=next(iter(personas)),
            key=name,
            proof="token",
        )

    def _user(self, claims: Mapping[str, Any], binding: Binding) -> str:
        """By issuer and subject only: e-mail addresses and login names can be given to someone else."""
        if binding.user is not None:
            return binding.user
        subjects = values(claims, binding.subject)
        user = self._subjects.get(f"{binding.issuer}|{subjects[0]}") if len(subjects) == 1 else None
        if user is None:
            raise Refusal(Reason.USER_UNKNOWN, "the subject of the token is nobody's in the directory")
        return user


def _times(claims: Mapping[str, Any]) -> tuple[float, float]:
    begins = [_time(claims, name) - LEEWAY for name in ("nbf", "iat") if name in claims]
    return max(begins, default=0), _time(claims, "exp") + LEEWAY


def _time(claims: Mapping[str, Any], name: str) -> float:
    """A time, in a range in which arithmetic holds; a boolean is none."""
    value = claims.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12:  # noqa: PLR2004
        return value
    raise Refusal(Reason.CREDENTIAL_MALFORMED, f"the token has no time in `{name}`")


def _one_of(claims: Mapping[str, Any], bindings: Iterable[Binding]) -> Binding:
    """The one binding that admits what the token is for."""
    mine = [one for one in bindings if not one.audiences.isdisjoint(values(claims, ("aud",)))]
    if not mine:
        raise Refusal(Reason.CREDENTIAL_UNKNOWN, "the token is for another audience")
    fitting = [one for one in mine if all(holds(claims, each) for each in one.require)]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(f"`{one.name}`" for one in fitting)
        raise Refusal(Reason.REQUEST_AMBIGUOUS, f"bindings {names} all admit the token")
    if any(overage(claims, each.claim) for one in mine for each in one.require):
        raise Refusal(
            Reason.CREDENTIAL_UNKNOWN, "the issuer left out groups for their number: nothing is known"
        )
    raise Refusal(Reason.CREDENTIAL_UNKNOWN, "no binding of the issuer admits what the token says")


def _bound_to(claims: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """What the holder must prove: an unknown way of confirmation is one that cannot be proven (RFC 7800)."""
    if "cnf" not in claims:
        return None, None
    confirmation = claims["cnf"]
    known = {"x5t#S256", "jkt"}
    if not isinstance(confirmation, dict) or not confirmation or not known.issuperset(confirmation):
        raise Refusal(Reason.CREDENTIAL_SOURCE, "the token is bound in a way that is not known here")
    found = [confirmation.get(name) for name in ("x5t#S256", "jkt")]
    if not all(one is None or (isinstance(one, str) and one) for one in found):
        raise Refusal(Reason.CREDENTIAL_MALFORMED, "`cnf` of the token is no text")
    return found[0], found[1]


def _only(found: frozenset[str]) -> str | None:
    return next(iter(found)) if len(found) == 1 else None
