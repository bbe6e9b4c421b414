"""Splunk's HTTP Event Collector, and CrowdStrike Falcon Next-Gen SIEM, which speaks the same."""

import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

import orjson

from authz.export.forms import Form, seconds, written
from authz.export.http import Poster
from authz.export.sink import Item, Unavailable

SPLUNK_PATH = "/services/collector/event"
CROWDSTRIKE_PATH = "/services/collector"


class Hec:
    """Events to a collector: one JSON object after the other in one body."""

    batch = 500

    def __init__(  # noqa: PLR0913 - the fields of an event
        self,
        url: str,
        token: str,
        *,
        name: str = "splunk",
        scheme: str = "Splunk",
        index: str | None = None,
        source: str = "agent-personas",
        sourcetype: str = "agent_personas:record",
        form: Form = Form.JSON,
        timeout: float = 10.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`scheme` is how the token is announced: `Splunk`, or `Bearer` for CrowdStrike."""
        self.name = name
        self._poster = Poster(url, timeout=timeout, tls=tls)
        path = urlsplit(url).path.rstrip("/")
        self._path = path or (SPLUNK_PATH if scheme == "Splunk" else CROWDSTRIKE_PATH)
        self._headers = {"authorization": f"{scheme} {token}", "content-type": "application/json"}
        self._form = form
        about = {"source": source, "sourcetype": sourcetype} | ({"index": index} if index else {})
        self._about = orjson.dumps(about)[1:-1]

    def deliver(self, items: Sequence[Item]) -> None:
        """Send a batch.

        Raises:
            Unavailable: the collector is busy, away, or does not know the token.
        """
        body = b"".join(
            b'{"time":%.6f,%b,"event":%b}' % (seconds(item), self._about, written(item, self._form))
            for item in items
        )
        reply = self._poster.post(body, self._headers, self._path)
        try:
            code = orjson.loads(reply.body or b"{}").get("code", 0)
        except (orjson.JSONDecodeError, AttributeError):
            code = 0  # CrowdStrike's answers are not always Splunk's
        if code:
            raise Unavailable(f"{self.name}: code {code}")

    def close(self) -> None:
        """Close the connection."""
        self._poster.close()
