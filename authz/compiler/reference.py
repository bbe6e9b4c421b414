"""The reference page of the language, made from the models that read it."""

import types
import typing
from collections.abc import Iterable, Iterator
from datetime import timedelta

import yaml
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from authz.compiler.schema import MODELS

INTRODUCTION = """\
# Definitions

<!-- Made by scripts/gen_reference from the models in authz/compiler/written. Don't edit. -->

What is enforced is a folder with `*.yaml` (not its sub-folders), one or more documents a file. `*.cases.yaml`
beside them are tests. `personas check` says what is wrong with them and where; nothing is enforced of a set
that doesn't compile. An editor that knows YAML checks while you type:

```yaml
# yaml-language-server: $schema=https://example.com/personas.v1.json   # from `personas schema`
```

Unknown keys, duplicate keys, aliases, anchors, tags and tabs are errors. `no` is text and not false; what is
not plainly a number stays text. What is left out permits nothing.
"""


def reference() -> str:
    """The page, as Markdown."""
    parts = [INTRODUCTION]
    for kind, model in MODELS.items():
        parts.append(f"\n## {kind}\n\n{_text(model)}\n")
        parts.append(_table(model))
        parts.extend(_below(model))
    return "".join(parts)


def _below(root: type[BaseModel]) -> Iterator[str]:
    """Sections for everything inside a document, each once, in the order in which it is met."""
    shown: dict[type[BaseModel], str] = {}

    def walk(model: type[BaseModel], path: str) -> Iterator[str]:
        for name, field in _fields(model):
            here = f"{path}.{name}" if path else name
            for inner, suffix in _models(field.annotation):
                if inner in shown:
                    yield f"\n### `{here}{suffix}`\n\nAs `{shown[inner]}`.\n"
                    continue
                shown[inner] = f"{here}{suffix}"
                yield f"\n### `{here}{suffix}`\n\n{_text(inner)}\n"
                yield _table(inner)
                yield from walk(inner, f"{here}{suffix}")

    return walk(root, "")


def _fields(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    return [(field.alias or name, field) for name, field in model.model_fields.items()]


def _text(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").split())


def _table(model: type[BaseModel]) -> str:
    rows = ["\n| key | | what it says | example |\n|---|---|---|---|\n"]
    for name, field in _fields(model):
        said = (field.description or "").replace("|", "\\|")
        rows.append(f"| `{name}` | {_need(field)} | {said} | {_example(name, field)} |\n")
    return "".join(rows)


def _need(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    default = field.default
    if default is None or default is PydanticUndefined or default == "":
        return ""
    return f"`{_plain(default)}` unless given"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
            if seconds % size == 0:
                return f"{seconds // size}{unit}"
        return f"{seconds}s"
    return str(value)


def _example(name: str, field: FieldInfo) -> str:
    example: object = (field.examples or [None])[0]
    text = yaml.safe_dump({name: example}, default_flow_style=True, width=10_000, sort_keys=False).strip()
    return f"`{text[1:-1]}`".replace("|", "\\|")


def _models(annotation: object) -> Iterable[tuple[type[BaseModel], str]]:
    """Models inside a field's type, with how they are reached: directly, as items, or by key."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, ""
        return
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        yield from _models(arguments[0])
    elif origin in (typing.Union, types.UnionType):
        for one in arguments:
            yield from _models(one)
    elif origin in (list, dict):
        suffix = "[]" if origin is list else ".*"
        yield from ((model, suffix + rest) for model, rest in _models(arguments[-1]))
