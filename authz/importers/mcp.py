"""What an MCP server lists, as a draft: annotations are hints, and hints give `access`."""

from collections.abc import Mapping
from typing import Any

import orjson

from authz.core.app import Access
from authz.importers.draft import Draft, DraftTool, ImportProblem, is_plain_name, one_line


def lists_of(data: bytes) -> Mapping[str, list[Any]]:
    """The lists in a file: `{"tools": [...]}`, the result of `tools/list`, a whole response, or a bare list.

    Raises:
        ImportProblem: When there is none.
    """
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise ImportProblem(f"not JSON: {error.msg} at line {error.lineno}") from None
    if isinstance(value, dict) and isinstance(value.get("result"), dict):
        value = value["result"]
    if isinstance(value, list):
        value = {"tools": value}
    keys = ("tools", "prompts", "resources", "resourceTemplates")
    found = {key: value[key] for key in keys if isinstance(value, dict) and isinstance(value.get(key), list)}
    if not found:
        raise ImportProblem("no list `tools`, as `tools/list` gives it")
    return found


def from_mcp(data: bytes) -> Draft:
    """A draft from what `tools/list` and its sisters gave.

    Raises:
        ImportProblem: When it is nothing of the kind.
    """
    lists = lists_of(data)
    left_out: list[str] = []
    tools: dict[str, DraftTool] = {}
    for one in lists.get("tools", []):
        name = one.get("name") if isinstance(one, dict) else None
        if not isinstance(name, str) or not is_plain_name(name) or name in tools:
            left_out.append(f"tool {name!r}: no name, twice, or one that no call may carry")
            continue
        tools[name] = DraftTool(
            name=name,
            access=_access(one.get("annotations")),
            title=one_line(one.get("title") or _annotated(one, "title") or one.get("description")),
        )
    return Draft(
        protocol="mcp",
        tools=list(tools.values()),
        prompts=_names(lists, "prompts", "name"),
        resources=[
            *_names(lists, "resources", "uri"),
            *map(_pattern, _names(lists, "resourceTemplates", "uriTemplate")),
        ],
        left_out=left_out,
    )


def _access(annotations: object) -> Access:
    """Without a word on destruction a tool counts as one that writes; the reviewer decides."""
    if not isinstance(annotations, dict):
        return Access.WRITE
    if annotations.get("readOnlyHint") is True:
        return Access.READ
    return Access.DELETE if annotations.get("destructiveHint") is True else Access.WRITE


def _annotated(one: Mapping[str, Any], key: str) -> object:
    annotations = one.get("annotations")
    return annotations.get(key) if isinstance(annotations, dict) else None


def _names(lists: Mapping[str, list[Any]], kind: str, key: str) -> list[str]:
    entries = [one.get(key) for one in lists.get(kind, []) if isinstance(one, dict)]
    return sorted({one for one in entries if isinstance(one, str) and is_plain_name(one)})


def _pattern(template: str) -> str:
    """A URI template as a pattern: each expression stands for any text."""
    found, rest = "", template
    while rest:
        plain, opening, rest = rest.partition("{")
        found += plain + ("*" if opening else "")
        rest = rest.partition("}")[2] if opening else ""
    return found
