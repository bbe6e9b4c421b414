"""The same figures pushed by OTLP: the SDK's periodic reader over what was counted from the trail."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from authz.export.metrics import Figures, trail_bytes
from authz.export.otlp import RESOURCE, SCOPE
from authz.export.ship import Shipper

SECONDS = 10.0


def push_metrics(
    endpoint: str, figures: Figures, shippers: Sequence[Shipper], state: Path, *, seconds: float = SECONDS
) -> MeterProvider:
    """Push every `seconds` until the provider is shut down."""
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(endpoint=endpoint, timeout=2), export_interval_millis=seconds * 1000
    )
    resource = Resource({name: str(value) for name, value in RESOURCE.items()})
    provider = MeterProvider([reader], resource=resource)
    meter = provider.get_meter(*SCOPE)

    def decisions() -> Iterable[Observation]:
        with figures.guard:
            rows = list(figures.decisions.items())
        names = ("persona.name", "persona.app", "persona.decision", "persona.reason")
        return [Observation(count, dict(zip(names, key, strict=True))) for key, count in rows]

    def lag() -> Iterable[Observation]:
        return [Observation(one.behind(), {"sink": one.name}) for one in shippers if one.name != figures.name]

    def size() -> Iterable[Observation]:
        return [Observation(trail_bytes(state))]

    meter.create_observable_counter("persona.decisions", [_called(decisions)], unit="{decision}")
    meter.create_observable_gauge("persona.export.lag", [_called(lag)], unit="By")
    meter.create_observable_gauge("persona.trail.size", [_called(size)], unit="By")
    return provider


def _called(
    observe: Callable[[], Iterable[Observation]],
) -> Callable[[CallbackOptions], Iterable[Observation]]:
    return lambda _options: observe()
