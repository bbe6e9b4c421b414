"""The exporter as a process: its command line, its sinks side by side, its end."""

import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from authz.export.ship import Shipper
from authz.export.sink import Sink

DRAIN_SECONDS = 5.0


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


def run(
    state: Path, sinks: Sequence[Sink], stop: threading.Event, *, drain: float = DRAIN_SECONDS
) -> list[Shipper]:
    """Ship to every sink until `stop` is set, then what is left, for at most `drain` seconds."""
    shippers = [Shipper(state, sink) for sink in sinks]
    for shipper in shippers:
        shipper.start()
    stop.wait()
    for shipper in shippers:
        shipper.stop()
    for shipper in shippers:
        shipper.join(drain)
    return shippers
