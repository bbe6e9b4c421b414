"""One HTTP connection to a receiver: kept open, bounded, its failures told apart by what to do about them."""

import gzip
import http.client
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from authz.export.sink import Rejected, Unavailable

LONGEST_ANSWER = 64 << 10
LONGEST_WAIT = 300.0
_REFUSED_FOR_GOOD = frozenset({400, 406, 411, 413, 414, 415, 422})
"""The receiver will say the same again. What it says of credentials and addresses an operator can mend."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the receiver said."""

    status: int
    body: bytes


@dataclass(slots=True)
class Poster:
    """Posts to one URL."""

    url: str
    timeout: float = 10.0
    tls: ssl.SSLContext | None = None
    compress: bool = True
    _connection: http.client.HTTPConnection | None = field(default=None, init=False)

    def post(self, body: bytes, headers: Mapping[str, str], path: str | None = None) -> Reply:
        """Send `body` to the URL, or to `path` on the same host.

        Raises:
            Unavailable: it was not taken; send it again.
            Rejected: it never will be.
        """
        parts = urlsplit(self.url)
        target = path or (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        named = dict(headers)
        if self.compress:
            body = gzip.compress(body, compresslevel=1)
            named["content-encoding"] = "gzip"
        try:
            connection = self._connected()
            connection.request("POST", target, body, named)
            answer = connection.getresponse()
            content = _whole(answer)
            after = _seconds(answer.headers.get("retry-after"))
            if not answer.isclosed():
                self.close()  # a longer answer than any receiver has reason to give
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Unavailable(f"{parts.netloc}: {_said(error)}") from None
        return self._judged(Reply(answer.status, content), after, parts.netloc)

    def _judged(self, reply: Reply, after: float, where: str) -> Reply:
        if 200 <= reply.status < 300:  # noqa: PLR2004 - success
            return reply
        if reply.status in _REFUSED_FOR_GOOD:
            raise Rejected(f"{where} answered {reply.status}: {_short(reply.body)}")
        raise Unavailable(f"{where} answered {reply.status}: {_short(reply.body)}", after=after)

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            parts = urlsplit(self.url)
            if parts.scheme == "https":
                context = self.tls or ssl.create_default_context()
                self._connection = http.client.HTTPSConnection(
                    parts.netloc, timeout=self.timeout, context=context
                )
            else:
                self._connection = http.client.HTTPConnection(parts.netloc, timeout=self.timeout)
        return self._connection

    def close(self) -> None:
        """Close the connection; the next `post` opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _whole(answer: http.client.HTTPResponse) -> bytes:
    """The answer's body, up to what we care to read; one that breaks off is no answer."""
    content = b""
    while len(content) < LONGEST_ANSWER:
        piece = answer.read(LONGEST_ANSWER - len(content))
        if not piece:
            break
        content += piece
    if answer.length and len(content) < LONGEST_ANSWER:
        raise http.client.IncompleteRead(content, answer.length)
    return content


def _seconds(text: str | None) -> float:
    """`Retry-After` in seconds; a date, or anything absurd, counts as none."""
    try:
        return min(max(float(text or 0), 0.0), LONGEST_WAIT)
    except ValueError:
        return 0.0


def _said(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).lower()


def _short(body: bytes) -> str:
    return " ".join(body[:200].decode("utf-8", "replace").split()) or "nothing"
