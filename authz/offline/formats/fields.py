"""Small readers of values in somebody else's JSON, and the names of the apps that it may mean."""

import math
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta

import orjson

from authz.core.app import App
from authz.core.call import Agent, Json
from authz.offline.told import BadLineError

SEPARATOR = "__"
_EPOCH = datetime.fromtimestamp(0, UTC)
_LEAST, _MOST = 1970, 9000


def instant(value: object) -> datetime | None:
    """An RFC 3339 instant, or seconds since 1970; None for nothing.

    Raises:
        BadLineError: it is neither.
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
            if _LEAST <= at.year <= _MOST:
                return at.astimezone(UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            return _EPOCH + timedelta(seconds=value)
    except (ValueError, OverflowError):
        pass
    raise BadLineError(f"`{str(value)[:40]}` is no instant: write it like `2026-03-02T10:00:00Z`")


def text(found: Mapping[str, object], *names: str) -> str | None:
    """The first of these members that is a text with something in it; `-` is how logs say nothing."""
    for name in names:
        value = found.get(name)
        if isinstance(value, str) and value and value != "-":
            return value
    return None


def number(found: Mapping[str, object], *names: str) -> int | None:
    """The first of these members that is a whole number, or spells one."""
    for name in names:
        value = found.get(name)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            return int(value)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return int(value)
    return None


def members(value: object) -> Mapping[str, object]:
    """An object, or the object that a text spells; nothing for all else."""
    if isinstance(value, str) and value[:1] == "{":
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return {}
    return value if isinstance(value, dict) else {}


def arguments(value: object) -> dict[str, Json] | None:
    """Arguments as an object or as its text; None when they are not shown."""
    if isinstance(value, str):
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            return None
    return value if isinstance(value, dict) else None


def agent_of(
    name: str | None,
    model: str | None = None,
    version: str | None = None,
    deployment: str | None = None,
) -> Agent | None:
    """The agent, where it is named."""
    return None if name is None else Agent(id=name, model=model, version=version, deployment=deployment)


class Apps:
    """The apps of the definitions, found by what other logs call them."""

    def __init__(self, apps: Mapping[str, App]) -> None:
        self.apps = apps
        self._with: dict[str, list[str]] = {}
        for app in apps.values():
            for tool in (*app.tools, *app.prompts):
                self._with.setdefault(tool, []).append(app.name)
            for resource in app.resources:
                self._with.setdefault(resource.name, []).append(app.name)

    def find(self, tool: str, names: Iterable[str | None]) -> tuple[str | None, str]:
        """App and tool: the first name that is an app's, the tool's prefix, or the only app with such a tool.

        A name that no definition knows is kept: the call is denied for it.
        """
        said = [one for one in names if one]
        for one in said:
            if one in self.apps:
                return one, self._bare(one, tool)
        prefix, found, rest = tool.partition(SEPARATOR)
        if found and prefix in self.apps:
            return prefix, rest
        owners = self._with.get(tool, [])
        if len(owners) == 1:
            return owners[0], tool
        for name, app in self.apps.items():
            rest = self._bare(name, tool)
            if rest != tool and rest in app.tools:
                return name, rest
        return (said[0] if said else None), tool

    def _bare(self, app: str, tool: str) -> str:
        """The tool without the app's name before it, where that is how the gateway tells apps apart."""
        if tool in self.apps[app].tools:
            return tool
        for mark in (SEPARATOR, "/", "-", "."):
            rest = tool.removeprefix(app + mark)
            if rest != tool:
                return rest
        return tool
