"""The exporter as a process: its command line, its sinks side by side, its end."""

import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from authz.export.metrics import Figures, serve_metrics
from authz.export.retention import retain
from authz.export.settings import Keep
from authz.export.ship import Shipper
from authz.export.sink import Sink
from authz.stores.trail import TrailError, note_event
from authz.stores.trail.follow import Place

DRAIN_SECONDS = 5.0
RETAIN_SECONDS = 5.0


def argv(state: Path, *, otlp: str | None = None, config: Path | None = None) -> list[str]:
    """How `serve` starts the exporter: it ends by itself when its standard input is closed."""
    command = [
        sys.executable,
        "-m",
        "authz.cli.main",
        "export",
        "--state",
        str(state),
        "--until-stdin-closes",
    ]
    if otlp is not None:
        command += ["--otlp", otlp]
    if config is not None:
        command += ["--config", str(config)]
    return command


def run(  # noqa: PLR0913 - the settings of the process, with defaults
    state: Path,
    sinks: Sequence[Sink],
    stop: threading.Event,
    *,
    drain: float = DRAIN_SECONDS,
    metrics: tuple[str, int] | None = None,
    push: str | None = None,
    keep: Keep | None = None,
    every: float = RETAIN_SECONDS,
    noting: Callable[[str, int], dict[str, object]] | None = None,
) -> list[Shipper]:
    """Ship to every sink until `stop` is set, then what is left, for at most `drain` seconds.

    `every` is how often, in seconds, the limits of `keep` are looked at. `metrics` is where Prometheus
    fetches, `push` the OTLP receiver of metrics. `noting` makes the event that tells of records dropped
    unconfirmed (it has the clock and the ids).

    Raises:
        OSError: the metrics' address can't be listened on.
    """
    figures = Figures()
    counted = [figures] if metrics is not None or push is not None else []
    shippers = [Shipper(state, sink) for sink in (*sinks, *counted)]
    server = serve_metrics(metrics, figures, shippers, state) if metrics is not None else None
    provider = None
    if push is not None:
        from authz.export.otlp_metrics import push_metrics  # noqa: PLC0415 - the SDK takes half a second to load

        provider = push_metrics(push, figures, shippers, state)
    for shipper in shippers:
        shipper.start()
    while not stop.wait(every if keep is not None else None):
        if keep is not None:
            _retain(state, keep, [shipper.places for shipper in shippers], figures, noting)
    for shipper in shippers:
        shipper.stop()
    for shipper in shippers:
        shipper.join(drain)
    if provider is not None:
        provider.shutdown()
    if server is not None:
        server.shutdown()
        server.server_close()
    return shippers


def _retain(
    state: Path,
    keep: Keep,
    places: Sequence[dict[str, Place]],
    figures: Figures,
    noting: Callable[[str, int], dict[str, object]] | None,
) -> None:
    lost = retain(state, keep, places)
    if not lost:
        return
    figures.dropped += lost
    if noting is not None:
        try:
            note_event(state, noting("trail.dropped", lost))
        except TrailError:
            return  # the figure and the log have it
