"""Route templates as a trie: the cost of finding a tool is that of the path, not of the number of routes.

The more particular template wins at the first segment in which two differ, as routers do.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from authz.core.app import Tool
from authz.core.decision import Refusal
from authz.core.reason import Reason

_PARAMETER = re.compile(r"\{([^{}/]+)\}")


@dataclass(slots=True)
class _Leaf:
    """The tool at the end of a template, for one HTTP method."""

    tool: Tool
    names: tuple[str, ...]
    """Of the parameters, in the order of the path."""
    target: tuple[str, ...]
    ambiguous: bool = False
    """Whether another tool has the same template: neither is meant for sure."""


@dataclass(slots=True)
class _Node:
    fixed: "dict[str, _Node]" = field(default_factory=dict)
    mixed: "dict[str, tuple[re.Pattern[str], _Node]]" = field(default_factory=dict)
    """Segments such as `{id}.json`, by their shape."""
    free: "_Node | None" = None
    leaves: dict[str, _Leaf] = field(default_factory=dict)
    """By HTTP method."""


@dataclass(frozen=True, slots=True)
class Found:
    """A tool, and what its template took from the path."""

    tool: Tool
    values: dict[str, str]
    target: tuple[str, ...]


class Trie:
    """All route templates of one app."""

    __slots__ = ("_root",)

    def __init__(self, tools: Iterable[Tool]) -> None:
        self._root = _Node()
        for tool in tools:
            if tool.match is not None and tool.match.path.startswith("/"):
                self._add(tool, tool.match.method.upper(), tool.match.path)

    def _add(self, tool: Tool, method: str, path: str) -> None:
        node = self._root
        names: list[str] = []
        for segment in path[1:].split("/") if path != "/" else ():
            inner = _PARAMETER.findall(segment)
            names.extend(inner)
            if not inner:
                node = node.fixed.setdefault(segment, _Node())
            elif segment == f"{{{inner[0]}}}":
                node.free = node.free or _Node()
                node = node.free
            else:
                shape = _PARAMETER.sub("{}", segment)
                if shape not in node.mixed:
                    pieces = [re.escape(piece) for piece in shape.split("{}")]
                    node.mixed[shape] = (re.compile("(.+?)".join(pieces), re.DOTALL), _Node())
                node = node.mixed[shape][1]
        leaf = node.leaves.get(method)
        if leaf is not None:
            leaf.ambiguous = True
            return
        target = tuple(tool.target.split(".")) if tool.target else ()
        node.leaves[method] = _Leaf(tool, tuple(names), target)

    def find(self, method: str, path: Sequence[str]) -> Found | None:
        """The tool for a method and the segments of a path.

        Raises:
            Refusal: When two tools have the same template.
        """
        values: list[str] = []
        leaf = _walk(self._root, method, path, 0, values)
        if leaf is None:
            return None
        if leaf.ambiguous:
            raise Refusal(Reason.REQUEST_AMBIGUOUS, "two tools have this route")
        return Found(leaf.tool, dict(zip(leaf.names, values, strict=True)), leaf.target)


def _walk(node: _Node, method: str, path: Sequence[str], at: int, values: list[str]) -> _Leaf | None:
    if at == len(path):
        return node.leaves.get(method)
    segment = path[at]
    inner = node.fixed.get(segment)
    if inner is not None:
        leaf = _walk(inner, method, path, at + 1, values)
        if leaf is not None:
            return leaf
    held = len(values)
    for pattern, mixed in node.mixed.values():
        matched = pattern.fullmatch(segment)
        if matched is not None:
            values.extend(matched.groups())
            leaf = _walk(mixed, method, path, at + 1, values)
            if leaf is not None:
                return leaf
            del values[held:]
    if node.free is None:
        return None
    values.append(segment)
    leaf = _walk(node.free, method, path, at + 1, values)
    if leaf is None:
        del values[held:]
    return leaf
