"""Metrics count what the trail holds, and say how far each sink is."""

from concurrent import futures
from pathlib import Path

import grpc
import httpx
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import (
    MetricsServiceServicer,
    add_MetricsServiceServicer_to_server,
)

from authz.audit import Entry, outcome_record
from authz.audit.event import folded_record
from authz.export import Shipper
from authz.export.file import File
from authz.export.metrics import Figures, exposition, serve_metrics
from authz.export.otlp_metrics import push_metrics
from authz.export.sink import Item
from authz.stores.trail import Trail
from tests.audit.samples import AT, DENY, record, stranger_record
from tests.export.receivers import until


def _figures() -> Figures:
    figures = Figures()
    made = [
        record(1),
        record(2),
        record(3, DENY),
        folded_record(stranger_record(4), "10.0.0.1", 40, "", {}),
        outcome_record(Entry(decision="d", at=AT, status=200, upstream="x"), "o", AT),
    ]
    figures.deliver([Item(b"", one) for one in made])
    return figures


def test_decisions_are_counted_by_persona_app_decision_and_reason(tmp_path: Path) -> None:
    """These are the four that an alarm is set on."""
    text = exposition(_figures(), [], tmp_path)

    assert (
        'personas_decisions_total{persona="support-summarizer",app="billing",decision="allow",reason=""} 2'
        in text
    )
    assert 'persona="support-summarizer",app="billing",decision="deny",reason="tool.not-granted"} 1' in text
    assert 'decision="deny",reason="credential.missing"} 40' in text
    assert 'personas_outcomes_total{outcome="ok"} 1' in text
    assert 'personas_decision_latency_seconds_bucket{le="0.00025"} 4' in text
    assert "personas_decision_latency_seconds_count 4" in text


def test_a_text_cannot_break_out_of_its_label(tmp_path: Path) -> None:
    """Names come from definitions and keys; the format must hold all the same."""
    made = record(1) | {"persona": {"name": 'a"b\\c\nd'}}
    figures = Figures()
    figures.deliver([Item(b"", made)])

    assert 'persona="a\\"b\\\\c\\nd"' in exposition(figures, [], tmp_path)


def test_prometheus_fetches_figures_lag_and_size(tmp_path: Path) -> None:
    """Over HTTP, as it does."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(1)])
    figures = Figures()
    down = Shipper(tmp_path, File(Path("/proc/nowhere/file")))
    counting = Shipper(tmp_path, figures)
    for shipper in (down, counting):
        shipper.start()
    server = serve_metrics(("127.0.0.1", 0), figures, [down, counting], tmp_path)
    url = f"http://127.0.0.1:{server.server_address[1]}"

    def fetched() -> str:
        return httpx.get(f"{url}/metrics").text

    until(lambda: 'personas_export_up{sink="file"} 0' in fetched() and "_count 1" in fetched())
    text = fetched()
    size = (tmp_path / "trail/chains/0/000001.jsonl").stat().st_size
    assert httpx.get(f"{url}/other").status_code == 404
    for shipper in (down, counting):
        shipper.stop()
        assert shipper.join(10)
    server.shutdown()
    server.server_close()

    assert f"personas_trail_bytes {size}" in text
    assert 'sink="metrics"' not in text


class _Receiver(MetricsServiceServicer):
    def __init__(self) -> None:
        self.requests: list[ExportMetricsServiceRequest] = []

    def Export(  # noqa: N802 - the name of the method in the protocol
        self,
        request: ExportMetricsServiceRequest,
        context: grpc.ServicerContext,  # noqa: ARG002 - gRPC passes it
    ) -> ExportMetricsServiceResponse:
        """Keep the request."""
        self.requests.append(request)
        return ExportMetricsServiceResponse()


def test_figures_are_pushed_by_otlp(tmp_path: Path) -> None:
    """The same numbers, for those without Prometheus."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(1)])
    receiver = _Receiver()
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    add_MetricsServiceServicer_to_server(receiver, server)  # type: ignore[no-untyped-call]  # generated
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    provider = push_metrics(f"http://127.0.0.1:{port}", _figures(), [], tmp_path, seconds=0.05)
    until(lambda: bool(receiver.requests))
    provider.shutdown()
    server.stop(0).wait()

    found = {
        metric.name: metric
        for resource in receiver.requests[0].resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert found.keys() >= {"persona.decisions", "persona.trail.size"}
    assert sum(point.as_int for point in found["persona.decisions"].sum.data_points) == 43
