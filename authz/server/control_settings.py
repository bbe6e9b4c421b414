"""Settings of `personas control`: who may keep people current, and whom they may speak of."""

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from authz.identity.people import Source
from authz.identity.signals import Transmitter
from authz.server.settings import SettingsError

_WEB = "^https://|^http://(127\\.0\\.0\\.1|localhost)[:/]"


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScimClient(_Closed):
    """One identity provider that provisions people here."""

    name: str = Field(min_length=1)
    issuer: str = Field(min_length=1)
    """Its people are `issuer|externalId` in the Directory."""
    groups: frozenset[str] = frozenset()
    """Groups that it may fill; others are kept and grant nothing."""
    token_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    """SHA-256 of its bearer token, in hex: the token itself is nowhere."""

    def source(self) -> Source:
        """What it may say."""
        return Source(name=self.name, issuer=self.issuer, groups=self.groups)


class SignalIssuer(_Closed):
    """One transmitter of Shared Signals."""

    issuer: str = Field(min_length=1)
    audience: str = Field(min_length=1)
    jwks: str = Field(pattern=_WEB)
    subjects_of: frozenset[str] = Field(min_length=1)
    """Issuers of whose people it may speak."""
    token_sha256: str | None = Field(default=None, pattern="^[0-9a-f]{64}$")
    """SHA-256 of the bearer token under which it pushes; None when it does not push."""
    poll: str | None = Field(default=None, pattern=_WEB)
    """Where to ask for signals (RFC 8936); None when it pushes."""
    poll_token: Path | None = None
    """File with our bearer token for that."""
    poll_seconds: float = Field(default=5, ge=0.05, le=3600)

    def transmitter(self) -> Transmitter:
        """What it may say."""
        return Transmitter(
            issuer=self.issuer, audience=self.audience, jwks=self.jwks, subjects_of=self.subjects_of
        )


class ControlSettings(_Closed):
    """Everything that `personas control` is told."""

    scim: tuple[ScimClient, ...] = ()
    signals: tuple[SignalIssuer, ...] = ()
    base: str = ""
    """Address under which clients know this server, for `location`."""


def read_control_settings(path: Path) -> ControlSettings:
    """The settings in a file.

    Raises:
        SettingsError: it can't be read, or says what no setting knows.
    """
    try:
        content = yaml.safe_load(path.read_bytes())
        settings = ControlSettings.model_validate(content or {})
    except OSError as error:
        raise SettingsError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from None
    except yaml.YAMLError:
        raise SettingsError(f"{path}: not YAML") from None
    except ValidationError as error:
        found = [
            (".".join(map(str, one["loc"])), one["msg"].lower()) for one in error.errors(include_url=False)
        ]
        said = "; ".join(f"`{name}`: {what}" for name, what in found)
        raise SettingsError(f"{path}: {said}") from None
    names = [one.name for one in settings.scim]
    hashes = [one.token_sha256 for one in settings.scim] + [
        one.token_sha256 for one in settings.signals if one.token_sha256 is not None
    ]
    if len(set(names)) != len(names) or len(set(hashes)) != len(hashes):
        raise SettingsError(f"{path}: each client needs a name and a token of its own")
    return settings
