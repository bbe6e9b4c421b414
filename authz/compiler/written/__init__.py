"""Definitions as written: closed pydantic models, one a kind. They hold what was said and judge nothing.

JSON Schema for editors and the reference page are made from these models, so each field says what it is for
and shows an example.
"""

from collections.abc import Mapping
from types import MappingProxyType

from authz.compiler.written.app import AppDocument
from authz.compiler.written.base import Header
from authz.compiler.written.bindings import BindingsDocument
from authz.compiler.written.cases import CasesDocument
from authz.compiler.written.lists import LabelsDocument, ListsDocument
from authz.compiler.written.people import DirectoryDocument
from authz.compiler.written.persona import PersonaDocument

KINDS: Mapping[str, type[Header]] = MappingProxyType(
    {
        "Persona": PersonaDocument,
        "App": AppDocument,
        "Directory": DirectoryDocument,
        "Lists": ListsDocument,
        "Labels": LabelsDocument,
        "Bindings": BindingsDocument,
    }
)
"""What a file of definitions may hold."""

CASES = "Cases"
"""The kind of a document in `*.cases.yaml`."""

__all__ = [
    "CASES",
    "KINDS",
    "AppDocument",
    "BindingsDocument",
    "CasesDocument",
    "DirectoryDocument",
    "Header",
    "LabelsDocument",
    "ListsDocument",
    "PersonaDocument",
]
