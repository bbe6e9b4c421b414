"""What lies beside the definitions: pinned descriptions of MCP tools, and gRPC descriptor sets."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.message import DecodeError

from authz.compiler.problem import Problems
from authz.compiler.source import Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinned:
    """Definitions as JSON, by name."""

    tools: Mapping[str, bytes] = field(default_factory=dict)
    prompts: Mapping[str, bytes] = field(default_factory=dict)
    resources: Mapping[str, bytes] = field(default_factory=dict)
    """By URI or URI template."""


NOTHING = Pinned()
"""Of an app that has nothing pinned."""


def read_pinned(app: str, data: bytes | None, document: Document, problems: Problems) -> Pinned:
    """`<app>.tools.json`: a list of tools, or the result of `tools/list`."""
    if data is None:
        return NOTHING
    place = document.at("metadata", "name")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        problems.error(place, f"`{app}.tools.json` is not JSON: {error.msg} at line {error.lineno}")
        return NOTHING
    if isinstance(value, dict) and isinstance(value.get("result"), dict):
        value = value["result"]
    if isinstance(value, list):
        value = {"tools": value}
    if not isinstance(value, dict) or not isinstance(value.get("tools"), list):
        problems.error(place, f"`{app}.tools.json` has no list `tools`")
        return NOTHING
    found: dict[str, dict[str, bytes]] = {}
    for kind, keys in (("tools", ("name",)), ("prompts", ("name",)), ("resources", ("uri", "uriTemplate"))):
        found[kind] = {}
        for one in value.get(kind) or []:
            names = [one[key] for key in keys if isinstance(one, dict) and isinstance(one.get(key), str)]
            if not names:
                problems.error(place, f"`{app}.tools.json` has one of `{kind}` without `{keys[0]}`")
            elif names[0] in found[kind]:
                problems.error(place, f"`{app}.tools.json` has `{names[0]}` twice")
            else:
                found[kind][names[0]] = orjson.dumps(one)
    return Pinned(tools=found["tools"], prompts=found["prompts"], resources=found["resources"])


def descriptor_methods(data: bytes) -> frozenset[str] | None:
    """All methods `/package.Service/Method` of a FileDescriptorSet; None when it is none."""
    try:
        files = FileDescriptorSet.FromString(data).file
    except DecodeError:
        return None
    return frozenset(
        f"/{file.package}.{service.name}/{method.name}" if file.package else f"/{service.name}/{method.name}"
        for file in files
        for service in file.service
        for method in service.method
    )
