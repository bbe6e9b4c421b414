"""`personas serve`: the authorizer."""

import asyncio
import logging
import os
import sys
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from authz.cli.failure import Failure
from authz.compiler import DefinitionsError
from authz.server.serve import Plan, prepare, serve
from authz.server.settings import SettingsError, check_exposure, read_address, read_settings
from authz.server.workers import Workers, address_of, worker_command
from authz.stores.keys import StoreError
from authz.stores.trail import TrailError


def command(  # noqa: PLR0917 - typer names them all
    defs: Annotated[Path, typer.Option(help="Folder of definitions.")],
    state: Annotated[Path, typer.Option(help="Folder of keys and trail; made when it is missing.")],
    listen: Annotated[str, typer.Option(help="`unix:PATH` or a loopback `ADDRESS:PORT`.")] = "127.0.0.1:9191",
    config: Annotated[Path | None, typer.Option(help="Everything else, as YAML.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes, each on its own address.")] = 1,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let other machines reach --listen without mTLS.")
    ] = False,
    shadow: Annotated[
        bool, typer.Option("--shadow", help="Every persona as in `mode: shadow`: recorded, not enforced.")
    ] = False,
    unsafe_shadow_all: Annotated[
        bool, typer.Option("--unsafe-shadow-all", help="Block nothing at all, missing credentials included.")
    ] = False,
    worker: Annotated[int | None, typer.Option("--worker", hidden=True)] = None,
) -> None:
    """Answer Envoy's checks until SIGTERM, then drain.

    With --workers N, worker 0 to N-1 listen on `unix:PATH.0` and so on, or on the ports from PORT on.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(message)s")
    try:
        plan = _plan(defs, state, listen, config, insecure=insecure)
        plan = replace(plan, shadow=shadow, unsafe_shadow_all=unsafe_shadow_all)
        if workers == 1:
            status = _run(serve(plan))
        elif worker is not None:
            status = _run(serve(replace(plan, worker=worker, address=address_of(plan.address, worker))))
        else:
            prepare(plan)
            status = _run(Workers(worker_command(sys.argv[sys.argv.index("serve") + 1 :]), workers).run())
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
    raise typer.Exit(status)


def _plan(defs: Path, state: Path, listen: str, config: Path | None, *, insecure: bool) -> Plan:
    settings = read_settings(config)
    address = read_address(listen)
    access_log = read_address(settings.access_log) if settings.access_log else None
    for one in (address, access_log):
        if one is not None:
            check_exposure(one, settings, insecure=insecure)
    return Plan(
        definitions=defs,
        state=state,
        address=address,
        settings=settings,
        access_log=access_log,
        config=config,
        otlp=settings.otlp_endpoint or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or None,
    )


def _run(work: Coroutine[None, None, int]) -> int:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
