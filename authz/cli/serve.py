"""`personas serve`: the authorizer."""

import asyncio
import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from authz.cli.failure import Failure
from authz.compiler import DefinitionsError
from authz.server.serve import Plan, serve
from authz.server.settings import SettingsError, check_exposure, read_address, read_settings
from authz.stores.keys import StoreError
from authz.stores.trail import TrailError


def command(
    defs: Annotated[Path, typer.Option(help="Folder of definitions.")],
    state: Annotated[Path, typer.Option(help="Folder of keys and trail; made when it is missing.")],
    listen: Annotated[str, typer.Option(help="`unix:PATH` or a loopback `ADDRESS:PORT`.")] = "127.0.0.1:9191",
    config: Annotated[Path | None, typer.Option(help="Everything else, as YAML.")] = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let other machines reach --listen without mTLS.")
    ] = False,
) -> None:
    """Answer Envoy's checks until SIGTERM, then drain."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(message)s")
    try:
        settings = read_settings(config)
        address = read_address(listen)
        access_log = read_address(settings.access_log) if settings.access_log else None
        for one in (address, access_log):
            if one is not None:
                check_exposure(one, settings, insecure=insecure)
        plan = Plan(
            definitions=defs,
            state=state,
            address=address,
            settings=settings,
            access_log=access_log,
            otlp=settings.otlp_endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None,
        )
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(plan))
    except DefinitionsError as error:
        for problem in error.problems:
            sys.stderr.write(f"{problem}\n")
        raise Failure(
            f"{len(error.problems)} errors in {defs}: not serving; `personas check {defs}` shows them", code=1
        ) from None
    except (SettingsError, TrailError, StoreError) as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"{error.filename or state}: {(error.strerror or str(error)).lower()}") from None
