"""The personas with parts taken out, to see what each part of the language does for them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import yaml

from authz.compiler import Compiled, SourceFile, compile_set
from authz.stores.definitions import read_folder

Written: TypeAlias = dict[str, Any]
"""One document, as YAML gives it."""
Change: TypeAlias = Callable[[list[Written]], None]

EVERYTHING = ("read", "write", "delete", "execute", "send")


def _personas(documents: list[Written]) -> list[Written]:
    return [one for one in documents if one["kind"] == "Persona"]


def _full(_: list[Written]) -> None:
    """As they are."""


def _names(documents: list[Written]) -> None:
    """Names of tools only: the job's own, with any arguments, at any time, in any order."""
    for persona in _personas(documents):
        for grant in persona["tools"]:
            grant.pop("where", None)
            grant.pop("when", None)
        _without_rules(persona, documents)


def _arguments(documents: list[Written]) -> None:
    """Names and arguments: no data classes, no behaviour."""
    for persona in _personas(documents):
        _without_rules(persona, documents)


def _department(documents: list[Written]) -> None:
    """One list of names for everybody who works with the app: all that any job needs."""
    _names(documents)
    apps: dict[str, list[Written]] = {}
    for persona in _personas(documents):
        for grant in persona["tools"]:
            apps.setdefault(grant["app"], []).append(grant)
    for persona in _personas(documents):
        persona["tools"] = apps[persona["tools"][0]["app"]]


def _order(documents: list[Written]) -> None:
    """Names, and one blunt rule of order: nothing is written, sent or deleted after a stranger's text."""
    _names(documents)
    rule = {
        "after": {"data": ["untrusted"]},
        "within": "1h",
        "deny": {"access": ["write", "send", "delete"]},
    }
    for persona in _personas(documents):
        persona["behaviour"] = {"sequences": [rule]}


def _without_rules(persona: Written, documents: list[Written]) -> None:
    persona.pop("behaviour", None)
    classes = {one for app in documents if app["kind"] == "App" for one in _classes(app)}
    persona["data"] = {"allow": sorted(classes), "unlabelled": "allow"}


def _classes(app: Written) -> set[str]:
    found: set[str] = set()
    for tool in app["tools"]:
        found.update(tool.get("data", ()))
        for table in tool.get("labels", {}).values():
            found.update(one for classes in table.values() for one in classes)
    return found


VARIANTS: Mapping[str, Change] = MappingProxyType(
    {
        "department": _department,
        "names": _names,
        "order": _order,
        "arguments": _arguments,
        "full": _full,
    }
)


def compiled_as(variant: str, folder: Path) -> Compiled:
    """The definitions of a folder with the variant's change made."""
    files, beside = read_folder(folder)
    if variant == "full":
        return compile_set(files, pinned=beside)
    documents = [one for file in files for one in yaml.safe_load_all(file.data)]
    for persona in _personas(documents):
        persona.pop("tests", None)
    VARIANTS[variant](documents)
    text = yaml.dump_all(documents, Dumper=_Plain)
    return compile_set([SourceFile("variant.yaml", text.encode())], pinned=beside)


class _Plain(yaml.SafeDumper):
    """Writes no aliases, which definitions refuse."""

    def ignore_aliases(self, data: object) -> bool:
        """Always: everything is written out."""
        del data
        return True
