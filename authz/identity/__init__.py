"""Who is calling, proven on every call: Agent Access Keys, tokens, workloads.

Rules of this room: no I/O, clock, randomness, environment, logging or async. Times, secrets and keys are
arguments. A credential is never repeated in a refusal, a record or a `repr`.
"""

from authz.identity.credential import Credential, find_credential
from authz.identity.hints import hints_of
from authz.identity.key import PresentedKey, new_id, new_key, parse_key
from authz.identity.ladder import Believed, credential_headers, identify
from authz.identity.record import KeyRecord, LifeError
from authz.identity.ring import KeyRing
from authz.identity.tokens import Tokens
from authz.identity.upstream import Upstream, noted, upstream_headers

__all__ = [
    "Believed",
    "Credential",
    "KeyRecord",
    "KeyRing",
    "LifeError",
    "PresentedKey",
    "Tokens",
    "Upstream",
    "credential_headers",
    "find_credential",
    "hints_of",
    "identify",
    "new_id",
    "new_key",
    "noted",
    "parse_key",
    "upstream_headers",
]
