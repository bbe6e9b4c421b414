"""`personas people`: whom Shared Signals disabled, and a person's word against it."""

import json
from collections.abc import Mapping
from typing import Annotated

import typer

from authz.audit import event_record
from authz.cli.failure import Failure
from authz.cli.keys import ByOption, ConfigOption, JsonOption, StateOption, state_folder, who
from authz.server import clock
from authz.stores.keys import StoreError
from authz.stores.people import PEOPLE, PeopleStore
from authz.stores.trail import TrailError, note_event

app = typer.Typer()


@app.command()
def disabled(*, state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Subjects that a transmitter disabled."""
    try:
        store = PeopleStore(state_folder(state, config) / PEOPLE)
        found = sorted(store.people().disabled)
        store.close()
    except StoreError as error:
        raise Failure(str(error)) from None
    typer.echo(json.dumps(found) if as_json else "\n".join(found) or "nobody")


@app.command()
def lift(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="`issuer|subject`, as listed.")],
    *,
    state: StateOption = None,
    config: ConfigOption = None,
    by: ByOption = None,
) -> None:
    """Enable again whom a transmitter disabled."""
    folder = state_folder(state, config)

    def tell(what: str, facts: Mapping[str, object]) -> None:
        note_event(folder, event_record(clock.decision_id(), clock.now(), what, facts))

    try:
        store = PeopleStore(folder / PEOPLE, tell=tell)
        lifted = store.lift(subject, who(by))
        store.close()
    except (StoreError, TrailError) as error:
        raise Failure(str(error)) from None
    if not lifted:
        raise Failure(f"no transmitter disabled `{subject}`: `personas people disabled` lists all")
    typer.echo(f"{subject} is enabled again")
