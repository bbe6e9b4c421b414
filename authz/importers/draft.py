"""A draft of an app's definition, whatever it was made from, and how it is written."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from authz.core.app import Access

APP_NAME = re.compile(r"[a-z0-9-]+")
_VISIBLE = re.compile(r"[\x21-\x7e]{1,256}")
_ODD = re.compile(r"[^A-Za-z0-9_.-]+")
_HEAD = """\
# Made by `personas apps import`. The hints of an app are not trusted: each tool is denied until a person has
# looked at its `access`, given it `data`, and removed `review: true`.
"""


class ImportProblem(Exception):  # noqa: N818 - the operator's file is at fault, nothing went wrong here
    """A description that no definition can be made from: one line for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftTool:
    """One tool as imported."""

    name: str
    access: Access
    match: tuple[str, str] | None = None
    """REST: method and template; gRPC: full method and an empty text; None for MCP."""
    target: str | None = None
    title: str = ""
    """One line for people, from the app's own words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An app as imported."""

    protocol: str
    tools: Sequence[DraftTool]
    prompts: Sequence[str] = ()
    resources: Sequence[str] = ()
    url: str = ""
    left_out: Sequence[str] = ()
    """What could not be taken over, one line each."""


def is_plain_name(text: str) -> bool:
    """Whether a call may carry the name: visible ASCII."""
    return _VISIBLE.fullmatch(text) is not None


def plain_name(text: str) -> str:
    """A name that a definition can hold."""
    return _ODD.sub("_", text).strip("_")


def one_line(text: object) -> str:
    """The first line of what an app says, short, nothing in it that cannot be seen."""
    first = text.strip().splitlines()[0] if isinstance(text, str) and text.strip() else ""
    return "".join(one for one in first if one.isprintable())[:120]


def app_document(name: str, draft: Draft, *, url: str = "", descriptors: str = "") -> str:
    """The YAML document of the app.

    Raises:
        ImportProblem: When `name` is no app's name, or there is nothing to call.
    """
    if not APP_NAME.fullmatch(name):
        raise ImportProblem(f"`{name}` is no name of an app: small letters, digits and hyphens")
    if not draft.tools and not draft.prompts and not draft.resources:
        raise ImportProblem("the description names nothing that could be called")
    upstream = {"url": url or draft.url, "descriptors": descriptors}
    document: dict[str, Any] = {
        "apiVersion": "personas/v1",
        "kind": "App",
        "metadata": {"name": name},
        "protocol": draft.protocol,
        "upstream": {key: value for key, value in upstream.items() if value},
    }
    if not document["upstream"]:
        del document["upstream"]
    text = _HEAD + yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    text += _listed("tools", [_tool(one) for one in draft.tools])
    text += _listed(
        "resources", [{"match": one, "access": "read", "review": True} for one in draft.resources]
    )
    return text + _listed(
        "prompts", [{"name": one, "access": "read", "review": True} for one in draft.prompts]
    )


def _tool(tool: DraftTool) -> Mapping[str, Any]:
    found: dict[str, Any] = {"name": tool.name}
    if tool.match is not None:
        method, path = tool.match
        found["match"] = {"method": method, "path": path} if path else {"method": method}
    found["access"] = tool.access.value
    if tool.target:
        found["target"] = tool.target
    if tool.title:
        found["title"] = tool.title
    return {**found, "review": True}


def _listed(key: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """One entry a line, as people write it."""
    if not entries:
        return ""
    lines = [
        yaml.safe_dump(
            dict(one), sort_keys=False, allow_unicode=True, default_flow_style=True, width=10**6
        ).strip()
        for one in entries
    ]
    return f"{key}:\n" + "".join(f"  - {line}\n" for line in lines)
