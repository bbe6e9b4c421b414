"""Real receivers that the tests start: they keep what they got, and can be told to misbehave."""

import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from time import monotonic, sleep

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span

DEADLINE = 20.0


def until(done: Callable[[], bool], seconds: float = DEADLINE) -> None:
    """Poll until `done`, for at most `seconds`."""
    give_up = monotonic() + seconds
    while not done():
        assert monotonic() < give_up, "it did not happen in time"
        sleep(0.01)


class OtlpReceiver(TraceServiceServicer):
    """The official OTLP trace service: keeps every span."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.metadata: list[dict[str, str | bytes]] = []
        self.refusals = 0
        """How many of the next requests are answered UNAVAILABLE."""
        self.port = 0
        self._guard = threading.Lock()

    def Export(  # noqa: N802 - the name of the method in the protocol
        self,
        request: ExportTraceServiceRequest,
        context: grpc.ServicerContext,
    ) -> ExportTraceServiceResponse:
        """Keep the request."""
        with self._guard:
            if self.refusals:
                self.refusals -= 1
                context.abort(grpc.StatusCode.UNAVAILABLE, "not now")
            self.requests.append(request)
            self.metadata.append(dict(context.invocation_metadata()))
        return ExportTraceServiceResponse()

    @property
    def spans(self) -> list[Span]:
        """All spans, as they came."""
        return [
            span
            for request in list(self.requests)
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def endpoint(self) -> str:
        """What an exporter is given."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def otlp_receiver(port: int = 0) -> Iterator[OtlpReceiver]:
    """An OTLP/gRPC receiver on a free port of the loopback."""
    receiver = OtlpReceiver()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    add_TraceServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]  # generated
    receiver.port = server.add_insecure_port(f"127.0.0.1:{port}")
    server.start()
    try:
        yield receiver
    finally:
        server.stop(0).wait()


def attributes(span: Span) -> dict[str, object]:
    """A span's attributes as Python values."""
    found: dict[str, object] = {}
    for one in span.attributes:
        kind = one.value.WhichOneof("value")
        if kind == "array_value":
            found[one.key] = [item.string_value for item in one.value.array_value.values]
        else:
            found[one.key] = getattr(one.value, str(kind))
    return found
