"""`personas assertions`: the keys that sign what apps are told about a caller."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated

import typer

from authz.audit import event_record
from authz.cli.failure import Failure
from authz.cli.keys import ByOption, ConfigOption, StateOption, duration, state_folder, who
from authz.identity.view import rfc3339
from authz.server.clock import decision_id
from authz.stores.assertion_keys import open_assertion_keys
from authz.stores.keys import StoreError
from authz.stores.trail import TrailError, note_event

app = typer.Typer()


@app.command()
def rotate(
    *,
    state: StateOption = None,
    config: ConfigOption = None,
    lead: Annotated[str, typer.Option("--lead", help="How long it is published before it signs.")] = "10m",
    by: ByOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Plain JSON.")] = False,
) -> None:
    """A new signing key: published at once, signing after the lead; the old one stays known meanwhile."""
    at = datetime.now(UTC)
    ahead = duration(lead, "--lead", none=True)
    folder = state_folder(state, config)
    with _said():
        keys = open_assertion_keys(folder, at)
        facts = {"by": who(by) or None, "since": rfc3339(at + ahead)}
        note_event(folder, event_record(decision_id(), at, "assertions.rotated", facts))
        fresh = keys.rotate(at, lead=ahead)
    said = {"kid": fresh.jwk()["kid"], "since": rfc3339(fresh.since)}
    typer.echo(json.dumps(said) if as_json else f"{said['kid']} signs from {said['since']} on")


@app.command()
def jwks(*, state: StateOption = None, config: ConfigOption = None) -> None:
    """Print the JWKS that apps verify with; `personas control` serves the same."""
    at = datetime.now(UTC)
    with _said():
        typer.echo(json.dumps(open_assertion_keys(state_folder(state, config), at).jwks(at)))


@contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except (StoreError, TrailError) as error:
        raise Failure(str(error)) from None
