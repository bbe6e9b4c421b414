"""The thumbprint that a bound token is compared with."""

import base64
import hashlib
import textwrap
from urllib.parse import quote

from authz.identity.certificate import thumbprint_of


def test_the_thumbprint_is_that_of_rfc_8705_and_what_is_no_certificate_has_none() -> None:
    """One that is empty matches no token."""
    der = b"not really a certificate, but bytes all the same"
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    pem = "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
    expected = base64.urlsafe_b64encode(hashlib.sha256(der).digest()).rstrip(b"=").decode()

    assert thumbprint_of(quote(pem, safe="")) == expected
    for text in ("", "x", pem[:-10], pem + pem, pem.replace("b", "!")):
        assert thumbprint_of(quote(text, safe="")) == ""
