"""A generic webhook: a JSON array of records, signed if a secret is shared."""

import hashlib
import hmac
from collections.abc import Mapping, Sequence

from authz.export.forms import Form, written
from authz.export.http import Poster
from authz.export.sink import Item

SIGNATURE = "x-personas-signature"


class Webhook:
    """Posts batches to a URL."""

    batch = 200

    def __init__(  # noqa: PLR0913 - settings with defaults
        self,
        url: str,
        *,
        name: str = "webhook",
        headers: Mapping[str, str] | None = None,
        secret: str | None = None,
        form: Form = Form.JSON,
        timeout: float = 10.0,
    ) -> None:
        """With a `secret`, the header `x-personas-signature` is `sha256=` and an HMAC of the body, in hex."""
        self.name = name
        self._poster = Poster(url, timeout=timeout, compress=False)
        self._headers = {"content-type": "application/json", **(headers or {})}
        self._secret = secret.encode() if secret is not None else None
        self._form = form

    def deliver(self, items: Sequence[Item]) -> None:
        """Send a batch."""
        body = b"[" + b",".join(written(item, self._form) for item in items) + b"]"
        headers = dict(self._headers)
        if self._secret is not None:
            headers[SIGNATURE] = "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        self._poster.post(body, headers)

    def close(self) -> None:
        """Close the connection."""
        self._poster.close()
