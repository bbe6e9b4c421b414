"""An app's own description to a draft of its definition. Pure; nothing here grants anything.

What a server says of its tools is a hint: it gives `access`, and every imported tool carries `review: true`,
so that it is denied until a person has looked at it.
"""

from authz.importers.draft import Draft, DraftTool, ImportProblem, app_document
from authz.importers.grpc import from_descriptors
from authz.importers.mcp import from_mcp, lists_of
from authz.importers.openapi import from_openapi
from authz.importers.pins import Change, changes, pinned_file

__all__ = [
    "Change",
    "Draft",
    "DraftTool",
    "ImportProblem",
    "app_document",
    "changes",
    "from_descriptors",
    "from_mcp",
    "from_openapi",
    "lists_of",
    "pinned_file",
]
