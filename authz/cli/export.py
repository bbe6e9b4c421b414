"""`personas export`: the exporter as a process of its own."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated

import typer

from authz.cli.failure import Failure
from authz.export import Sink, run
from authz.export.otlp import OtlpGrpc

State = Annotated[Path, typer.Option("--state", help="The state folder of the service.")]


def command(
    state: State,
    otlp: Annotated[
        str | None,
        typer.Option(
            "--otlp", help="OTLP/gRPC receiver, `http://HOST:4317`; else OTEL_EXPORTER_OTLP_ENDPOINT."
        ),
    ] = None,
    *,
    until_stdin_closes: Annotated[
        bool, typer.Option("--until-stdin-closes", help="End when standard input is closed.", hidden=True)
    ] = False,
) -> None:
    """Follow the trail and ship it to every sink, at least once, until SIGTERM."""
    endpoint = otlp or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    sinks: list[Sink] = []
    if endpoint:
        sinks.append(OtlpGrpc(endpoint))
    if not sinks:
        raise Failure("nothing to ship to: give --otlp URL, or set OTEL_EXPORTER_OTLP_ENDPOINT")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if until_stdin_closes:
        threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    run(state, sinks, stop)


def _wait_for_end(stop: threading.Event) -> None:
    """Who started this process has ended when its end of the pipe is closed, however it ended."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    stop.set()
