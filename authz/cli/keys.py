"""`personas keys`: issue, look at and end Agent Access Keys. Issue and rotate print a secret, once."""

import getpass
import importlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from authz.cli.failure import Failure
from authz.core.definitions import Definitions
from authz.identity import KeyRecord, LifeError
from authz.identity.people import merged
from authz.identity.record import Network
from authz.identity.view import rfc3339, view
from authz.server.clock import decision_id
from authz.server.key_store import open_key_store
from authz.server.settings import Settings, SettingsError, read_settings
from authz.stores.key_events import key_event
from authz.stores.keys import AgentFacts, KeyChange, KeyStore, StoreError, Terms
from authz.stores.people import PEOPLE, PeopleStore
from authz.stores.trail import TrailError, note_event

app = typer.Typer()

StateOption = Annotated[Path | None, typer.Option("--state", help="Folder of the embedded stores.")]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="Settings file that names the store.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Plain JSON instead of a table.")]
ByOption = Annotated[
    str | None, typer.Option("--by", help="Who asks for it; default: the user of this shell.")
]
KeyArgument = Annotated[str, typer.Argument(metavar="ID", help="Key id.")]

_UNITS: Mapping[str, timedelta] = MappingProxyType(
    {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
)
_COLOURS: Mapping[str, str] = MappingProxyType(
    {"active": "green", "suspended": "yellow", "expired": "red", "revoked": "red"}
)


@app.command()
def issue(
    *,
    agent: Annotated[str, typer.Option("--agent", help="Id of the agent.")],
    user: Annotated[str, typer.Option("--user", help="On whose behalf it acts.")],
    persona: Annotated[str, typer.Option("--persona", help="The job that it must keep to.")],
    ttl: Annotated[str, typer.Option("--ttl", help="Time to live: 30s, 10m, 1h, 90d.")] = "90d",
    model: Annotated[str | None, typer.Option("--model", help="Model that the agent runs on.")] = None,
    agent_version: Annotated[str | None, typer.Option("--agent-version", help="PEP 440 version.")] = None,
    deployment: Annotated[str | None, typer.Option("--deployment", help="Where it is deployed.")] = None,
    network: Annotated[
        list[str] | None, typer.Option("--network", help="CIDR that calls may come from; repeat for several.")
    ] = None,
    workload: Annotated[
        str | None, typer.Option("--workload", help="SPIFFE id that mTLS must prove.")
    ] = None,
    env: Annotated[str, typer.Option("--env", help="Environment, part of the key's text.")] = "prod",
    defs: Annotated[
        Path | None, typer.Option("--defs", help="Refuse a persona, agent or user that these don't know.")
    ] = None,
    state: StateOption = None,
    config: ConfigOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Issue a key and print it, this once."""
    terms = Terms(
        agent=agent,
        user=user,
        persona=persona,
        ttl=duration(ttl, "--ttl"),
        env=env,
        model=model,
        version=agent_version,
        deployment=deployment,
        networks=tuple(_network(one) for one in network or ()),
        workload=workload,
        issued_by=who(by),
    )
    if defs is not None:
        _known(terms, defs, state_folder(state, config))
    with _store(state, config) as keys:
        record, text = keys.issue(terms, _now())
    _secret(record, text, as_json=as_json)


@app.command(name="list")
def list_keys(
    *,
    state: StateOption = None,
    config: ConfigOption = None,
    agent: Annotated[str | None, typer.Option("--agent", help="Only keys of this agent.")] = None,
    user: Annotated[str | None, typer.Option("--user", help="Only keys for this user.")] = None,
    persona: Annotated[str | None, typer.Option("--persona", help="Only keys of this persona.")] = None,
    as_json: JsonOption = False,
) -> None:
    """All keys, oldest first."""
    wanted = {"agent": agent, "user": user, "persona": persona}
    with _store(state, config) as keys:
        found = [
            record
            for record in keys.list()
            if all(text is None or getattr(record, name) == text for name, text in wanted.items())
        ]
        used = keys.last_use()
    at = _now()
    if as_json:
        typer.echo(json.dumps([_shown(record, used, at) for record in found], ensure_ascii=False))
        return
    table = Table(box=None, header_style="bold")
    for heading in ("ID", "AGENT", "USER", "PERSONA", "STATE", "EXPIRES", "LAST USED"):
        table.add_column(heading, overflow="fold", no_wrap=heading in {"ID", "STATE"})
    for record in found:
        last = used.get(record.id)
        table.add_row(
            record.id,
            Text(f"{record.agent} {record.version or ''}".strip()),
            Text(record.user),
            Text(record.persona),
            Text(record.state(at), style=_COLOURS[record.state(at)]),
            _brief(record.expires),
            _brief(last) if last else "never",
        )
    Console().print(table)


@app.command()
def show(
    key_id: KeyArgument, state: StateOption = None, config: ConfigOption = None, as_json: JsonOption = False
) -> None:
    """Everything about one key but its secret."""
    with _store(state, config) as keys:
        record = keys.show(key_id)
        used = keys.last_use((key_id,))
    shown = _shown(record, used, _now())
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    table = Table(box=None, show_header=False)
    for name, value in shown.items():
        if isinstance(value, dict):
            for part, text in value.items():
                table.add_row(f"{name}.{part}", Text("-" if text is None else str(text)))
        elif isinstance(value, list):
            table.add_row(name, Text(", ".join(value) or "-"))
        else:
            table.add_row(name, Text("-" if value is None else str(value)))
    Console().print(table)


@app.command()
def rotate(
    key_id: KeyArgument,
    *,
    state: StateOption = None,
    config: ConfigOption = None,
    overlap: Annotated[str, typer.Option("--overlap", help="How long the old secret lives on.")] = "1d",
    ttl: Annotated[
        str | None, typer.Option("--ttl", help="New time to live; default: the expiry stays.")
    ] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """A new secret under the same id, printed this once."""
    lives_on = duration(overlap, "--overlap", none=True)
    with _store(state, config) as keys:
        record, text = keys.rotate(
            key_id, _now(), overlap=lives_on, ttl=duration(ttl, "--ttl") if ttl else None, by=who(by)
        )
    _secret(record, text, as_json=as_json)


@app.command()
def revoke(
    key_id: KeyArgument,
    state: StateOption = None,
    config: ConfigOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """End all secrets of a key, for good."""
    _step(state, config, lambda keys, at: keys.revoke(key_id, at, by=who(by)), as_json=as_json)


@app.command()
def suspend(
    key_id: KeyArgument,
    state: StateOption = None,
    config: ConfigOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a key out of force until it is resumed."""
    _step(state, config, lambda keys, at: keys.suspend(key_id, at, by=who(by)), as_json=as_json)


@app.command()
def resume(
    key_id: KeyArgument,
    state: StateOption = None,
    config: ConfigOption = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a suspended key in force again."""
    _step(state, config, lambda keys, at: keys.resume(key_id, at, by=who(by)), as_json=as_json)


@app.command()
def update(
    key_id: KeyArgument,
    *,
    state: StateOption = None,
    config: ConfigOption = None,
    model: Annotated[str | None, typer.Option("--model", help="Model that the agent runs on now.")] = None,
    agent_version: Annotated[str | None, typer.Option("--agent-version", help="Its version now.")] = None,
    deployment: Annotated[str | None, typer.Option("--deployment", help="Where it is deployed now.")] = None,
    by: ByOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what the agent is now; whom it acts for, and as what, needs a new key."""
    facts = AgentFacts(model=model, version=agent_version, deployment=deployment)
    _step(
        state,
        config,
        lambda keys, at: keys.update(key_id, at, facts=facts, by=who(by)),
        as_json=as_json,
    )


def duration(text: str, option: str, *, none: bool = False) -> timedelta:
    """`30s`, `10m`, `1h`, `90d`; with `none`, `0s` too."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    length = int(found[1]) * _UNITS[found[2]] if found else timedelta()
    if not found or (not length and not none):
        raise Failure(f"{option} `{text}`: give a duration such as 30s, 10m, 1h or 90d")
    return length


@contextmanager
def _store(state: Path | None, config: Path | None) -> Iterator[KeyStore]:
    """The store, with every change told to the trail; its errors become one line."""
    folder, settings = state_folder(state, config), _settings(config)

    def tell(change: KeyChange) -> None:
        note_event(folder, key_event(decision_id(), change))

    try:
        keys = open_key_store(folder, settings, tell=tell)
        try:
            yield keys
        finally:
            keys.close()
    except (LifeError, StoreError, SettingsError, TrailError) as error:
        raise Failure(str(error)) from None


def _settings(config: Path | None) -> Settings:
    try:
        return read_settings(config)
    except SettingsError as error:
        raise Failure(str(error)) from None


def state_folder(state: Path | None, config: Path | None) -> Path:
    """The state folder as the options say."""
    folder = state or _settings(config).state
    if folder is None:
        raise Failure("give --state DIR, or --config FILE with `state:` in it")
    if folder.exists() and not folder.is_dir():
        raise Failure(f"--state {folder}: not a folder")
    return folder


def _step(
    state: Path | None,
    config: Path | None,
    step: Callable[[KeyStore, datetime], KeyRecord],
    *,
    as_json: bool,
) -> None:
    at = _now()
    with _store(state, config) as keys:
        record = step(keys, at)
        used = keys.last_use((record.id,))
    if as_json:
        typer.echo(json.dumps(_shown(record, used, at), ensure_ascii=False))
    else:
        typer.echo(f"{record.id} {record.state(at)}")


def _shown(record: KeyRecord, used: Mapping[str, datetime], at: datetime) -> dict[str, object]:
    last = used.get(record.id)
    return {**view(record), "state": record.state(at), "last_used": rfc3339(last) if last else None}


def _brief(at: datetime) -> str:
    """For a table: UTC, to the minute."""
    return f"{at:%Y-%m-%d %H:%MZ}"


def _secret(record: KeyRecord, text: str, *, as_json: bool) -> None:
    """The one time that a secret is seen."""
    if as_json:
        typer.echo(json.dumps({"id": record.id, "key": text, "expires": rfc3339(record.expires)}))
        return
    table = Table(box=None, show_header=False)
    agent = f"{record.agent} {record.version or ''}".strip()
    for name, value in (
        ("id", record.id),
        ("agent", agent),
        ("on behalf of", record.user),
        ("persona", record.persona),
        ("expires", rfc3339(record.expires)),
    ):
        table.add_row(name, Text(value))
    console = Console()
    console.print(table)
    # Not through the table: a terminal's width must not break what is to be copied.
    typer.echo(f"\n{text}\n")
    console.print("Keep it now: it is shown this once and stored nowhere.")


def _known(terms: Terms, defs: Path, folder: Path) -> None:
    """Refuse what neither the definitions know nor, of people, who provisions them."""
    definitions = _definitions(defs)
    if (folder / PEOPLE).exists():
        try:
            people = PeopleStore(folder / PEOPLE)
            definitions = merged(definitions, people.people())
            people.close()
        except StoreError as error:
            raise Failure(str(error)) from None
    persona = definitions.personas.get(terms.persona)
    if persona is None:
        raise Failure(f"{defs}: there is no persona `{terms.persona}`")
    if terms.agent not in {entry.id for entry in persona.agents}:
        raise Failure(f"{defs}: persona `{terms.persona}` admits no agent `{terms.agent}`")
    if terms.user not in definitions.users:
        raise Failure(f"{defs}: there is no user `{terms.user}` in the directory")


def _definitions(defs: Path) -> Definitions:
    # By name: the compiler is heavy, and needed for --defs only.
    stored = importlib.import_module("authz.stores.definitions")
    try:
        definitions: Definitions = stored.load(defs).definitions
    except importlib.import_module("authz.compiler").DefinitionsError as error:
        raise Failure(
            f"{defs}: does not compile ({len(error.problems)} problems): see `personas check`"
        ) from None
    return definitions


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise Failure(f"--network `{text}`: {error}, give a CIDR such as 10.0.0.0/8") from None


def who(by: str | None) -> str:
    """Who asks: as said, else the user of the shell; empty when nobody can tell."""
    if by is not None:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""


def _now() -> datetime:
    return datetime.now(UTC)
