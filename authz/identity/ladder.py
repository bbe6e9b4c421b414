"""The ladder of identification: find the credential, prove it, name the caller. The first failure refuses."""

from datetime import datetime

from authz.core.call import Caller
from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import Request
from authz.identity.credential import find_credential
from authz.identity.ring import KeyRing


def identify(request: Request, at: datetime, ring: KeyRing) -> Caller:
    """Who is calling, proven.

    Raises:
        Refusal: what is wrong with the credential.
    """
    credential = find_credential(request)
    if credential.key is None:
        raise Refusal(Reason.CREDENTIAL_UNKNOWN, "no issuer of tokens is bound")
    return ring.resolve(credential.key, at, request.source)
