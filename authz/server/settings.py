"""Settings of the service as `--config FILE` states them: closed, checked once, before anything listens."""

import ipaddress
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from authz.export.settings import ExportSettings


class SettingsError(Exception):
    """The operator's settings can't be used. One line: what, where, what to do."""


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tls(_Closed):
    """mTLS of the listener: only the named clients may ask."""

    certificate: Path
    key: Path
    client_ca: Path
    clients: tuple[str, ...] = Field(min_length=1)
    """URI or DNS SANs, or subjects, of which a client certificate must carry one."""


class KeySettings(_Closed):
    """Where Agent Access Keys are kept."""

    postgres: str | None = None
    """Connection string (libpq); None keeps them in the state folder."""
    pepper: Path | None = None
    """File with the pepper, the same on every machine; with `postgres` only."""
    grace_seconds: float = Field(default=300, ge=0, le=86_400)
    """How long known keys go on while their store is out of reach."""


class Settings(_Closed):
    """Everything that has no option of its own on the command line."""

    transport: Literal["grpc", "http2"] = "http2"
    """What serves Check: `http2` (our own, fast) or `grpc` (grpcio, portable)."""
    state: Path | None = None
    """State folder, for commands that are given `--config` without `--state`."""
    keys: KeySettings = KeySettings()
    tls: Tls | None = None
    access_log: str | None = None
    """Where Envoy streams its access log to: `unix:PATH` or `ADDRESS:PORT`. With `transport: grpc` it goes to
    the address of the checks as well. Without one nobody learns how calls end."""
    redis: str | None = None
    """`redis://` or `rediss://` URL of Redis or Valkey: histories that several workers and replicas share."""
    on_store_failure: Literal["deny", "local"] = "deny"
    """What becomes of a call that is to be counted while Redis is down."""
    shared_key: Path | None = None
    """File with 32 random bytes, the same for all replicas: keys the digests in Redis. The default, one in
    the state folder, is right for the workers of one machine."""
    sync: Literal["os", "soon", "always"] = "soon"
    """What is promised of a record when its answer leaves: the system has it; it will be on the disk within
    100 ms; it is on the disk."""
    app_from_host: bool = False
    """Whether a request that no route binds to an app may be bound by its Host."""
    mcp_deny: Literal["result", "error"] = "result"
    """How a policy deny of `tools/call` is spoken: a result with `isError`, or HTTP 403 with an error."""
    mcp_deny_code: int = -32001
    """JSON-RPC code of a policy deny that is spoken as an error."""
    resource_metadata: str = ""
    """URL of the OAuth protected resource metadata (RFC 9728) named in `WWW-Authenticate`."""
    drain_seconds: float = Field(default=10, ge=0, le=600)
    """How long calls in flight may take after SIGTERM."""
    reload_seconds: float = Field(default=1, gt=0, le=3600)
    """How often the definitions folder is looked at."""
    otlp_endpoint: str | None = None
    """OTLP/gRPC receiver of the spans; overrides OTEL_EXPORTER_OTLP_ENDPOINT."""
    export: ExportSettings = ExportSettings()
    """Sinks, metrics and what of the trail is kept; read by the exporter that `serve` starts."""
    seal_key: Path | None = None
    """Private key that seals the trail, kept outside of the state folder; made when it is missing."""


def read_settings(path: Path | None) -> Settings:
    """Read `--config FILE`; without one, the defaults.

    Raises:
        SettingsError: the file can't be read, is no YAML mapping, or says what no setting knows.
    """
    if path is None:
        return Settings()
    try:
        content = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else f"{path}"
        raise SettingsError(f"{where}: {getattr(error, 'problem', None) or 'not YAML'}") from None
    if not isinstance(content or {}, dict):
        raise SettingsError(f"{path}:1:1: settings are a mapping of names to values")
    try:
        return Settings.model_validate(content or {})
    except ValidationError as error:
        found = [
            (".".join(map(str, one["loc"])), one["msg"].lower()) for one in error.errors(include_url=False)
        ]
        said = "; ".join(f"`{name}`: {what}" for name, what in found)
        raise SettingsError(f"{path}: {said}") from None


class Address(_Closed):
    """Where the service listens."""

    unix: Path | None = None
    host: str = ""
    port: int = 0

    @property
    def local(self) -> bool:
        """Whether only this machine can reach it."""
        return self.unix is not None or ipaddress.ip_address(self.host).is_loopback

    def __str__(self) -> str:
        if self.unix is not None:
            return f"unix:{self.unix}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_address(text: str) -> Address:
    """`unix:PATH`, `HOST:PORT` or `[IPv6]:PORT`; HOST is an address or `localhost`.

    Raises:
        SettingsError: it is none of these.
    """
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path:
            raise SettingsError("--listen `unix:`: a path must follow, as in `unix:/run/personas.sock`")
        return Address(unix=Path(path))
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if host == "localhost":
        host = "127.0.0.1"
    highest = 65535
    try:
        ipaddress.ip_address(host)
        number = int(port)
    except ValueError:
        number = -1
    if not colon or not 0 <= number <= highest:
        raise SettingsError(f"--listen `{text}`: give `unix:PATH` or `ADDRESS:PORT`, as in `127.0.0.1:9191`")
    return Address(host=host, port=number)


def check_exposure(address: Address, settings: Settings, *, insecure: bool) -> None:
    """Refuse to be reachable by strangers: anyone who can ask the authorizer can read its answers.

    Raises:
        SettingsError: not loopback, no mTLS with a named client, and `--insecure` was not said.
    """
    if address.local or settings.tls is not None or insecure:
        return
    raise SettingsError(
        f"--listen `{address}` is reachable from other machines: set `tls:` with named clients in --config, "
        "or say --insecure"
    )
