"""What all documents share: closed models, and the small types that definitions are written in."""

import re
from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
)

API_VERSION = "personas/v1"

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_PERSONA = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_TOOL = re.compile(r"[!-~]{1,256}")
_CLASS = re.compile(r"[a-z0-9][a-z0-9_-]*(?:\.[a-z0-9][a-z0-9_-]*)*")
_DURATION = re.compile(r"([1-9][0-9]{0,8})(ms|s|m|h|d)")
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_LONGEST = timedelta(days=3660)


class Closed(BaseModel):
    """A mapping with no key but its own."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False)


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"`{text}` is no name: use a-z, 0-9 and `-`")
    return text


def _persona(text: str) -> str:
    if not _PERSONA.fullmatch(text):
        raise ValueError(f"`{text}` is no name: use letters, digits, `.`, `_` and `-`")
    return text


def _tool(text: str) -> str:
    if not _TOOL.fullmatch(text):
        raise ValueError(f"`{text}` is no name of a tool: use printable ASCII without spaces")
    return text


def _class(text: str) -> str:
    if not _CLASS.fullmatch(text):
        raise ValueError(f"`{text}` is no data class: use a-z, 0-9, `-`, `_`, and dots as in `pii.contact`")
    return text


def _text(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError(f"`{text.strip()}` must be printable text and not empty")
    return text


def _duration(value: object) -> object:
    if isinstance(value, str) and (parts := _DURATION.fullmatch(value)):
        span = int(parts[1]) * _UNITS[parts[2]]
        if span <= _LONGEST:
            return span
    raise ValueError(f"`{value}` is no duration: write it like `30s`, `10m`, `1h` or `1d`")


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _shaped(pattern: re.Pattern[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern.pattern}$"})


AppName: TypeAlias = Annotated[str, AfterValidator(_name), _shaped(_NAME)]
PersonaName: TypeAlias = Annotated[str, AfterValidator(_persona), _shaped(_PERSONA)]
ToolName: TypeAlias = Annotated[str, AfterValidator(_tool), _shaped(_TOOL)]
DataClass: TypeAlias = Annotated[str, AfterValidator(_class), _shaped(_CLASS)]
Text: TypeAlias = Annotated[str, AfterValidator(_text)]
Duration: TypeAlias = Annotated[
    timedelta,
    BeforeValidator(_duration),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]*(ms|s|m|h|d)$"}),
]
AccessName: TypeAlias = Literal["read", "write", "delete", "execute", "send"]
Level: TypeAlias = Literal["public", "internal", "confidential", "restricted"]
Scalar: TypeAlias = bool | int | float | str
OneOrMore: TypeAlias = Annotated[
    list[Text],
    BeforeValidator(_listed),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]},
    ),
]


class Metadata(Closed):
    """Who the document is."""

    name: PersonaName = Field(description="Name of the persona; unique in the set.", examples=["support"])
    version: str = Field("", description="The author's version, for the record; in quotes.", examples=["3"])
    owner: str | None = Field(None, description="Who answers for it.", examples=["secops@example.com"])
    description: str | None = Field(None, description="What the job is.", examples=["Read tickets."])


class AppMetadata(Metadata):
    """Who the app is."""

    name: AppName = Field(description="Name of the app: a-z, 0-9 and `-`.", examples=["billing"])


class LooseMetadata(Closed):
    """Who the document is, where nothing refers to it by name."""

    name: PersonaName | None = Field(None, description="Name, for people.", examples=["finance-lists"])
    version: str = Field("", description="The author's version; in quotes.", examples=["12"])
    owner: str | None = Field(None, description="Who answers for it.", examples=["finance@example.com"])
    description: str | None = Field(None, description="What it is for.", examples=["Known payees."])


class Header(Closed):
    """What every document begins with."""

    apiVersion: Literal["personas/v1"] = Field(  # noqa: N815 - Kubernetes' spelling, which users know
        description="Version of this language.", examples=[API_VERSION]
    )
    kind: str = Field(description="What the document defines.", examples=["Persona"])
