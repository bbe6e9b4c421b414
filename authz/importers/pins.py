"""Pinned definitions: what an agent is shown, by whom it was read, and what changed since."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from authz.importers.mcp import lists_of

KEYS = {"tools": "name", "prompts": "name", "resources": "uri", "resourceTemplates": "uriTemplate"}


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was pinned."""

    kind: str
    """`tools`, `prompts`, `resources` or `resourceTemplates`."""
    name: str
    what: str
    """`added`, `removed`, or the members that differ."""


def digest(definition: object) -> str:
    """Over the definition, whatever the order of its keys."""
    return "sha256:" + hashlib.sha256(orjson.dumps(definition, option=orjson.OPT_SORT_KEYS)).hexdigest()


def pinned_file(lists: Mapping[str, list[Any]]) -> bytes:
    """The content of `<app>.tools.json`: whole definitions by name, each with its digest."""
    content: dict[str, Any] = {}
    digests: dict[str, str] = {}
    for kind, key in KEYS.items():
        found = _by_name(lists, kind)
        if found or kind == "tools":
            content[kind] = list(found.values())
            digests |= {f"{kind}/{one[key]}": digest(one) for one in found.values()}
    return orjson.dumps({**content, "digests": digests}, option=orjson.OPT_INDENT_2) + b"\n"


def changes(pinned: bytes, live: Mapping[str, list[Any]]) -> list[Change]:
    """What differs, by kind and name.

    Raises:
        ImportProblem: When `pinned` is no file of definitions.
    """
    before = lists_of(pinned)
    found: list[Change] = []
    for kind in KEYS:
        old, new = _by_name(before, kind), _by_name(live, kind)
        for name in sorted(old.keys() | new.keys()):
            if name not in new:
                found.append(Change(kind, name, "removed"))
            elif name not in old:
                found.append(Change(kind, name, "added"))
            elif digest(old[name]) != digest(new[name]):
                members = sorted(old[name].keys() | new[name].keys())
                differing = [one for one in members if old[name].get(one) != new[name].get(one)]
                found.append(Change(kind, name, ", ".join(differing)))
    return found


def _by_name(lists: Mapping[str, list[Any]], kind: str) -> dict[str, dict[str, Any]]:
    key = KEYS[kind]
    entries = [one for one in lists.get(kind, []) if isinstance(one, dict) and isinstance(one.get(key), str)]
    return {one[key]: one for one in sorted(entries, key=lambda one: str(one[key]))}
