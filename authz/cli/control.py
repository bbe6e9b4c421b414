"""`personas control`: SCIM, Shared Signals and the JWKS of assertions."""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from authz.cli.failure import Failure
from authz.server.control_settings import read_control_settings
from authz.server.settings import SettingsError, read_address
from authz.stores.keys import StoreError


def command(
    state: Annotated[Path, typer.Option(help="State folder, the one that `serve` uses.")],
    config: Annotated[Path, typer.Option(help="Who may keep people current, as YAML.")],
    listen: Annotated[str, typer.Option(help="`unix:PATH` or a loopback `ADDRESS:PORT`.")] = "127.0.0.1:9192",
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Let other machines reach --listen without TLS.")
    ] = False,
) -> None:
    """Keep people current until SIGTERM; put TLS before it."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(name)s: %(message)s")
    try:
        from authz.server.control_serve import ControlPlan, serve_control  # noqa: PLC0415 - an extra
    except ImportError:
        raise Failure("control needs its extra: pip install 'agent-personas[control]'") from None
    try:
        address = read_address(listen)
        if not address.local and not insecure:
            raise Failure(f"--listen `{listen}`: take a loopback address behind TLS, or say --insecure")
        plan = ControlPlan(state=state, address=address, settings=read_control_settings(config))
        asyncio.run(serve_control(plan))
    except (SettingsError, StoreError) as error:
        raise Failure(str(error)) from None
    except KeyboardInterrupt:
        sys.exit(0)
