"""`personas export`: the exporter as a process of its own."""

import os
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
import yaml
from pydantic import ValidationError

from authz.audit import event_record
from authz.cli.failure import Failure
from authz.export import Sink, run
from authz.export.build import ExportError, build_sinks, check_names
from authz.export.otlp import OtlpGrpc
from authz.export.settings import ExportSettings
from authz.server.clock import decision_id

PUSHING = "OTEL_METRICS_EXPORTER"
"""OpenTelemetry's own variable: `otlp` sends metrics where the spans go."""

State = Annotated[Path, typer.Option("--state", help="The state folder of the service.")]
Metrics = Annotated[
    str | None, typer.Option("--metrics", help="Where Prometheus fetches metrics: `HOST:PORT`.")
]


def command(
    state: State,
    otlp: Annotated[
        str | None,
        typer.Option(
            "--otlp", help="OTLP/gRPC receiver, `http://HOST:4317`; else OTEL_EXPORTER_OTLP_ENDPOINT."
        ),
    ] = None,
    *,
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings file; its key `export:` names sinks.")
    ] = None,
    metrics: Metrics = None,
    until_stdin_closes: Annotated[
        bool, typer.Option("--until-stdin-closes", help="End when standard input is closed.", hidden=True)
    ] = False,
) -> None:
    """Follow the trail and ship it to every sink, at least once, until SIGTERM."""
    settings = read_settings(config) if config is not None else ExportSettings()
    endpoint = otlp or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    sinks: list[Sink] = [OtlpGrpc(endpoint)] if endpoint else []
    try:
        sinks += build_sinks(settings)
        check_names(sinks)
    except ExportError as error:
        raise Failure(str(error)) from None
    address = metrics or settings.metrics
    if not sinks and address is None and not settings.wanted:
        raise Failure("nothing to ship to: give --otlp URL, --metrics or --config FILE with `export:`")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if until_stdin_closes:
        threading.Thread(target=_wait_for_end, args=(stop,), daemon=True).start()
    try:
        run(
            state,
            sinks,
            stop,
            metrics=read_address(address) if address is not None else None,
            push=settings.push_metrics or (endpoint if os.environ.get(PUSHING) == "otlp" else None),
            keep=settings.keep,
            noting=_noting,
        )
    except OSError as error:
        raise Failure(f"--metrics `{address}`: {(error.strerror or str(error)).lower()}") from None


def read_settings(path: Path) -> ExportSettings:
    """The key `export:` of a settings file.

    Raises:
        Failure: the file can't be read, or says what no setting knows.
    """
    try:
        content = yaml.safe_load(path.read_bytes()) or {}
    except OSError as error:
        raise Failure(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else f"{path}"
        raise Failure(f"{where}: not YAML") from None
    if not isinstance(content, dict):
        raise Failure(f"{path}:1:1: settings are a mapping of names to values")
    try:
        return ExportSettings.model_validate(content.get("export") or {})
    except ValidationError as error:
        said = "; ".join(
            f"`{'.'.join(map(str, ('export', *one['loc'])))}`: {one['msg'].lower()}"
            for one in error.errors(include_url=False, include_input=False)
        )
        raise Failure(f"{path}: {said}") from None


def read_address(text: str) -> tuple[str, int]:
    """`HOST:PORT`.

    Raises:
        Failure: it is not.
    """
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise Failure(f"--metrics `{text}`: give `HOST:PORT`, as in `127.0.0.1:9464`")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _noting(what: str, count: int) -> dict[str, object]:
    return event_record(decision_id(), datetime.now(UTC), what, {"count": count})


def _wait_for_end(stop: threading.Event) -> None:
    """Who started this process has ended when its end of the pipe is closed, however it ended."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    stop.set()
