"""A document against its model: every error with its place, in the house's words.

What is wrong is cut out and the rest is read, so that one mistake does not hide the next.
"""

import copy
import types
import typing
from collections.abc import Iterable
from typing import TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from authz.compiler.problem import Problems, did_you_mean, shown
from authz.compiler.source import Document, Plain
from authz.compiler.written.base import API_VERSION

M = TypeVar("M", bound=BaseModel)
Path: TypeAlias = tuple[str | int, ...]
ROUNDS = 20
"""How often the rest is read again; each round cuts at least one thing out."""

_EXPECTED = {
    "string_type": "expected text",
    "bool_type": "expected true or false",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "finite_number": "expected a finite number",
    "list_type": "expected a list",
    "dict_type": "expected a mapping",
    "model_type": "expected a mapping",
    "model_attributes_type": "expected a mapping",
}


def validate(document: Document, model: type[M], problems: Problems, dropped: set[str]) -> M | None:
    """The document as its model, or what can be read of it; `dropped` gets the names that were cut out.

    None when nothing can be read of it.
    """
    value = document.value
    known_bad = {one.place for one in problems.errors}
    for turn in range(ROUNDS):
        try:
            return model.model_validate(value)
        except ValidationError as error:
            found = _by_path(value, error.errors(include_url=False))
        if not turn:
            # All that is wrong was found at once; what later rounds find is only what cutting left behind.
            for path, detail in found:
                if document.at(*path) not in known_bad:  # said already, when it was read
                    _report(document, model, path, detail, problems)
            problems.cut.update(document.at(*path[:-1]) for path, _ in found if len(path) > 1)
            value = copy.deepcopy(value)
        if not _cut(document, value, [(path, detail["type"]) for path, detail in found], dropped):
            break
    dropped.update(_names(document.value))
    return None


def _by_path(value: Plain, errors: Iterable[ErrorDetails]) -> list[tuple[Path, ErrorDetails]]:
    """One error for each place: of a union's branches, the one that came nearest."""
    best: dict[Path, ErrorDetails] = {}
    for detail in errors:
        path = _real(value, detail["loc"], missing=detail["type"] == "missing")
        if path not in best:
            best[path] = detail
    return list(best.items())


def _into(value: Plain, step: str | int) -> tuple[bool, Plain]:
    """Whether there is something at the step, and what."""
    if isinstance(value, dict) and isinstance(step, str) and step in value:
        return True, value[step]
    if isinstance(value, list) and isinstance(step, int) and step < len(value):
        return True, value[step]
    return False, None


def _real(value: Plain, loc: Path, *, missing: bool) -> Path:
    """`loc` without the names of union branches, which are nowhere in the document."""
    path: list[str | int] = []
    for index, step in enumerate(loc):
        there, inner = _into(value, step)
        if there:
            value = inner
        elif not (missing and index == len(loc) - 1):
            continue
        path.append(step)
    return tuple(path)


def _report(
    document: Document, model: type[BaseModel], path: Path, detail: ErrorDetails, problems: Problems
) -> None:
    kind = detail["type"]
    last = str(path[-1]) if path else ""
    place = document.key(*path) if kind == "extra_forbidden" else document.at(*path)
    if kind == "extra_forbidden":
        text = f"unknown key `{last}`{did_you_mean(last, _keys(model, path[:-1]))}"
    elif kind == "missing":
        text = f"`{last}` is missing"
    elif kind == "literal_error":
        allowed = _choices(detail)
        given = detail["input"]
        text = f"{shown(given)} is none of {', '.join(allowed)}{did_you_mean(str(given), allowed)}"
    elif kind == "value_error":
        text = str(detail["ctx"]["error"])
    elif kind in _EXPECTED:
        text = f"{_EXPECTED[kind]}, got {_given(detail['input'], kind)}"
    else:
        text = f"{detail['msg'].lower()}, got {_given(detail['input'], kind)}"
    problems.error(place, text)


def _choices(detail: ErrorDetails) -> list[str]:
    expected = str(detail["ctx"]["expected"])
    return [one.strip(" '") for one in expected.replace(" or ", ",").split(",") if one.strip(" '")]


def _given(value: object, kind: str) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
    return f"{shown(text)}: put it in quotes" if kind == "string_type" else shown(text)


def _keys(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that the mapping at `path` may have."""
    here: list[object] = [model]
    for step in path:
        here = [inner for one in here for inner in _inside(one, step)]
    models = [one for one in here if isinstance(one, type) and issubclass(one, BaseModel)]
    return [field.alias or name for one in models for name, field in one.model_fields.items()]


def _inside(annotation: object, step: str | int) -> list[object]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        for name, field in annotation.model_fields.items():
            if (field.alias or name) == step:
                return _branches(field.annotation)
        return []
    arguments = typing.get_args(annotation)
    return _branches(arguments[-1]) if arguments else []


def _branches(annotation: object) -> list[object]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _branches(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [inner for one in typing.get_args(annotation) for inner in _branches(one)]
    return [annotation]


def _cut(document: Document, root: Plain, errors: list[tuple[Path, str]], dropped: set[str]) -> bool:
    """Take out of `root` what is wrong; False when nothing would be left."""
    # Later list items first: taking one out moves those behind it.
    for path, kind in sorted(errors, key=lambda one: _order(one[0]), reverse=True):
        if kind == "missing" and _stand_in(document, root, path):
            continue
        where = _item(path[:-1]) if kind == "missing" else path
        if not where:
            return False
        _remove(root, where, dropped)
    return True


def _stand_in(document: Document, root: Plain, path: Path) -> bool:
    """Put something harmless where a whole section is missing, so that the others are read."""
    if not isinstance(root, dict):
        return False
    unnamed: Plain = {"name": f"unnamed-{document.at().line}"}
    sections: dict[Path, Plain] = {
        ("apiVersion",): API_VERSION,
        ("metadata",): unnamed,
        ("metadata", "name"): unnamed,
        ("users",): {},
        ("agents",): [],
        ("lists",): {},
        ("classes",): {},
    }
    if path not in sections:
        return False
    root[str(path[0])] = sections[path]
    return True


def _order(path: Path) -> tuple[tuple[int, str], ...]:
    return tuple((step, "") if isinstance(step, int) else (-1, step) for step in path)


def _item(path: Path) -> Path:
    """The nearest list item around `path`, or the section: without it the rest may be whole."""
    while len(path) > 1 and not isinstance(path[-1], int):
        path = path[:-1]
    return path


def _remove(root: Plain, path: Path, dropped: set[str]) -> None:
    value = root
    for step in path[:-1]:
        there, value = _into(value, step)
        if not there:
            return
    last = path[-1]
    there, found = _into(value, last)
    if not there:
        return
    dropped.update(_names(found))
    if isinstance(value, dict):
        value.pop(str(last))
    elif isinstance(value, list) and isinstance(last, int):
        value.pop(last)


def _names(value: Plain) -> set[str]:
    """All names in what is cut out: who refers to them is not wrong."""
    if isinstance(value, str):
        return {value}
    if isinstance(value, list):
        return {name for one in value for name in _names(one)}
    if isinstance(value, dict):
        return {name for key, one in value.items() for name in {key, *_names(one)}}
    return set()
