"""The ladder of identification: find the credential, prove it, name the caller. The first failure refuses."""

from datetime import datetime
from typing import NamedTuple

from authz.core.call import Caller
from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import Request
from authz.identity.credential import AUTHORIZATION, Credential, find_credential, header_token
from authz.identity.dpop import HEADER as DPOP
from authz.identity.dpop import Replayed, check_dpop
from authz.identity.ring import KeyRing
from authz.identity.tokens import Tokens


class Believed(NamedTuple):
    """What else but keys is believed in this installation."""

    tokens: Tokens
    replayed: Replayed
    """Remembers proofs of possession, for all workers together."""


def identify(request: Request, at: datetime, ring: KeyRing, believed: Believed | None = None) -> Caller:
    """Who is calling, proven.

    Raises:
        Refusal: what is wrong with the credential.
    """
    if believed is not None:
        return _with_tokens(request, at, ring, believed)
    credential = find_credential(request)
    if credential is None or credential.key is None:
        raise Refusal(Reason.CREDENTIAL_UNKNOWN, "no issuer of tokens is bound")
    return ring.resolve(credential.key, at, request.source)


def credential_headers(request: Request, believed: Believed | None) -> frozenset[str]:
    """Headers of this request, beside the two of keys, that held a credential for us: they end here."""
    if believed is None:
        return frozenset()
    names = (believed.tokens.headers | {DPOP}) - {AUTHORIZATION}
    return names.intersection(request.headers)


def _with_tokens(request: Request, at: datetime, ring: KeyRing, believed: Believed) -> Caller:
    """Every credential for us is proven, and all must say the same: agent, user and persona."""
    tokens = believed.tokens
    found: list[Caller] = []
    for name in sorted(tokens.headers - {AUTHORIZATION}):
        text = header_token(request, name)
        if text is not None:
            found.append(_token(request, at, text, name, believed))
    workload = tokens.workloads.get(request.source.principal) if request.source.principal else None
    credential = find_credential(request, elsewhere=bool(found) or workload is not None)
    if credential is not None:
        found += _presented(request, at, ring, believed, credential, alone=not found and workload is None)
    if not found:
        if workload is None:
            raise Refusal(Reason.CREDENTIAL_MISSING, "no credential")
        return workload
    first = found[0]
    if workload is not None and workload.agent.id != first.agent.id:
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "credential and proven workload name different agents")
    if any(
        (one.agent.id, one.user, one.persona) != (first.agent.id, first.user, first.persona) for one in found
    ):
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "two credentials name different callers")
    return first


def _presented(  # noqa: PLR0913, PLR0917 - what a credential is proven with
    request: Request,
    at: datetime,
    ring: KeyRing,
    believed: Believed,
    credential: Credential,
    alone: bool,  # noqa: FBT001 - a fact
) -> list[Caller]:
    """Callers of the key and of the token in `Authorization`; a token that nobody bound is the app's own."""
    found: list[Caller] = []
    if credential.key is not None:
        found.append(ring.resolve(credential.key, at, request.source))
    text = credential.token
    if text is not None:
        only = credential.key is None and alone
        if only or believed.tokens.for_us(text, AUTHORIZATION):
            found.append(
                _token(request, at, text, AUTHORIZATION, believed, scheme=credential.proof_of_possession)
            )
    return found


def _token(  # noqa: PLR0913 - what a token is proven with
    request: Request, at: datetime, text: str, header: str, believed: Believed, *, scheme: bool = False
) -> Caller:
    proven = believed.tokens.resolve(text, header, at, request.source)
    if proven.key is not None:
        check_dpop(request, text, proven.key, at, believed.replayed)
    elif scheme:
        raise Refusal(Reason.CREDENTIAL_SOURCE, "the token is not bound to the key that would prove it")
    return proven.caller
