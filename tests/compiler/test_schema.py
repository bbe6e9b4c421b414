"""JSON Schema for editors, and the reference page: made from the models, so they say what is enforced."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import jsonschema  # type: ignore[import-untyped]  # no stubs are published
import pytest
import yaml
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from authz.compiler.reference import reference
from authz.compiler.schema import MODELS, json_schema
from tests.compiler.world import WHOLE

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = jsonschema.Draft202012Validator(json_schema())


def fields() -> Iterator[tuple[str, FieldInfo]]:
    """Every field of every model of the language."""
    waiting: list[type[BaseModel]] = list(MODELS.values())
    seen: set[type[BaseModel]] = set()
    while waiting:
        model = waiting.pop()
        if model in seen:
            continue
        seen.add(model)
        for name, field in model.model_fields.items():
            yield f"{model.__name__}.{name}", field
            waiting.extend(inside(field.annotation))


def inside(annotation: object) -> list[type[BaseModel]]:
    """Models in a type, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for one in getattr(annotation, "__args__", ()) for model in inside(one)]


def test_the_generated_pages_are_fresh() -> None:
    """A reference that is not of this code is worse than none."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/gen_reference", "--check"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("name", "field"), [*fields()], ids=lambda one: one if isinstance(one, str) else "")
def test_every_field_is_described_and_its_example_is_accepted(name: str, field: FieldInfo) -> None:
    """An example that the compiler would refuse teaches the wrong language."""
    assert field.description, name
    assert field.examples, name
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    for example in field.examples:
        TypeAdapter(kind).validate_python(example)


def test_every_field_stands_in_the_reference() -> None:
    """What is not documented is not found."""
    page = reference()

    assert [
        name for name, field in fields() if f"`{field.alias or name.partition('.')[2]}`" not in page
    ] == []


def test_the_schema_accepts_what_the_compiler_accepts() -> None:
    """An editor must not paint a good file red."""
    files = [*sorted((ROOT / "personas").glob("*.yaml"))]
    texts = [WHOLE, *(path.read_text() for path in files)]

    found = [
        error.message
        for text in texts
        for document in yaml.safe_load_all(text)
        for error in SCHEMA.iter_errors(document)
    ]

    assert len(files) >= 1
    assert found == []


@pytest.mark.parametrize(
    "document",
    [
        {"apiVersion": "personas/v1", "kind": "Persna"},
        {"apiVersion": "personas/v1", "kind": "Persona"},
        {"apiVersion": "personas/v1", "kind": "Lists", "lists": {}, "unknown": 1},
        {"apiVersion": "personas/v1", "kind": "Labels", "classes": {"pii": "secret"}},
        {"apiVersion": "personas/v1", "kind": "App", "metadata": {"name": "Not A Name"}, "protocol": "mcp"},
    ],
)
def test_the_schema_refuses_what_the_compiler_refuses(document: object) -> None:
    """The most common mistakes are seen while they are typed."""
    assert not SCHEMA.is_valid(document)
