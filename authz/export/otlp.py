"""OpenTelemetry over gRPC: the SDK's own exporter, given spans with recorded ids and times."""

import importlib.metadata
import logging
from collections.abc import Mapping, Sequence

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult

from authz.export import protobuf
from authz.export.sink import Item, Unavailable
from authz.export.spans import Spans

SCOPE = ("agent-personas", importlib.metadata.version("agent-personas"))
RESOURCE: Mapping[str, object] = {"service.name": "agent-personas", "service.version": SCOPE[1]}

# The exporter logs every attempt; the shipper says once that the receiver is away and once that it is back.
logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)


class _Encoded(OTLPSpanExporter):
    """The SDK's exporter (channel, TLS, headers, retries) for spans that are encoded already."""

    encoded: Sequence[bytes] = ()
    resource: Mapping[str, object] = RESOURCE

    def _translate_data(self, data: Sequence[ReadableSpan]) -> ExportTraceServiceRequest:  # noqa: ARG002 - the spans are in `encoded`
        request = protobuf.resource_spans(self.resource, SCOPE, self.encoded)
        return ExportTraceServiceRequest.FromString(request)

    def _count_data(self, data: Sequence[ReadableSpan]) -> int:  # noqa: ARG002 - likewise
        return len(self.encoded)


class OtlpGrpc:
    """Spans to an OTLP/gRPC receiver."""

    batch = 512

    def __init__(
        self,
        endpoint: str,
        *,
        name: str = "otlp",
        headers: Mapping[str, str] | None = None,
        resource: Mapping[str, object] = RESOURCE,
        timeout: float = 5.0,
    ) -> None:
        """`endpoint` is `http://HOST:PORT` (plain) or `https://HOST:PORT` (TLS)."""
        self.name = name
        self._endpoint = endpoint
        self._exporter = _Encoded(
            endpoint=endpoint, headers=dict(headers) if headers else None, timeout=timeout
        )
        self._exporter.resource = resource
        self._spans = Spans()

    def deliver(self, items: Sequence[Item]) -> None:
        """Send the spans of a batch; returns when the receiver has confirmed them."""
        self._exporter.encoded = self._spans.of(items)
        if not self._exporter.encoded:
            return
        if self._exporter.export(()) is not SpanExportResult.SUCCESS:
            raise Unavailable(f"{self._endpoint} does not take spans")

    def close(self) -> None:
        """Close the channel."""
        self._exporter.shutdown()
