"""OpenTelemetry over HTTP: for receivers without gRPC (Langfuse, Datadog without an agent)."""

import base64
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from authz.export import protobuf
from authz.export.http import Poster
from authz.export.otlp import RESOURCE, SCOPE
from authz.export.sink import Item
from authz.export.spans import Spans

PATH = "/v1/traces"


class OtlpHttp:
    """Spans as `application/x-protobuf`."""

    batch = 512

    def __init__(  # noqa: PLR0913 - settings with defaults
        self,
        url: str,
        *,
        name: str = "otlp-http",
        headers: Mapping[str, str] | None = None,
        resource: Mapping[str, object] = RESOURCE,
        langfuse: bool = False,
        timeout: float = 10.0,
    ) -> None:
        """`url` may be the base of the receiver or the whole path of its traces."""
        self.name = name
        path = urlsplit(url).path.rstrip("/")
        self._poster = Poster(url, timeout=timeout)
        self._path = path if path.endswith(PATH) else path + PATH
        self._headers = {"content-type": "application/x-protobuf", **(headers or {})}
        self._resource = resource
        self._spans = Spans(langfuse=langfuse)

    def deliver(self, items: Sequence[Item]) -> None:
        """Send the spans of a batch."""
        spans = self._spans.of(items)
        if spans:
            request = protobuf.resource_spans(self._resource, SCOPE, spans)
            self._poster.post(request, self._headers, self._path)

    def close(self) -> None:
        """Close the connection."""
        self._poster.close()


def langfuse_headers(public: str, secret: str) -> dict[str, str]:
    """How Langfuse authenticates a project, and the version of its ingestion."""
    pair = base64.b64encode(f"{public}:{secret}".encode()).decode()
    return {"authorization": f"Basic {pair}", "x-langfuse-ingestion-version": "4"}


def datadog_headers(key: str) -> dict[str, str]:
    """Datadog's intake of traces without an agent."""
    return {"dd-api-key": key, "dd-otel-span-mapping": "{}", "compute_stats": "true"}
