"""The thumbprint of a peer's certificate, as a token that is bound to it says it (RFC 8705)."""

import base64
import hashlib
from functools import lru_cache
from urllib.parse import unquote

_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"


@lru_cache(maxsize=1024)
def thumbprint_of(certificate: str) -> str:
    """`x5t#S256` (RFC 7515 section 4.1.8) of a URL-encoded PEM certificate; empty for what is none."""
    lines = unquote(certificate).strip().splitlines()
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:  # noqa: PLR2004 - two borders, and something
        return ""
    try:
        der = base64.b64decode("".join(lines[1:-1]), validate=True)
    except ValueError:
        return ""
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode("ascii")
