"""`kind: App` as compiled."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from authz.compiler.pinned import NOTHING, Pinned, descriptor_methods, read_pinned
from authz.compiler.problem import Problems, did_you_mean, shown
from authz.compiler.source import Document
from authz.compiler.tables import Table
from authz.compiler.written.app import AppDocument, MatchWritten, PromptWritten, ResourceWritten, ToolWritten
from authz.core.app import Access, App, LabelTable, Match, Place, Tool
from authz.core.arguments import steps_of

HTTP_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY")
_GRPC_METHOD = re.compile(r"/[A-Za-z_][A-Za-z0-9_.]*/[A-Za-z_][A-Za-z0-9_]*")
_PARAMETER = re.compile(r"\{[A-Za-z_$][A-Za-z0-9_.$-]*\}")
_SEGMENT = re.compile(rf"(?:[^{{}}/?#%\\\s;]|{_PARAMETER.pattern})+")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")


def compile_app(
    document: Document, written: AppDocument, files: Mapping[str, bytes], problems: Problems
) -> App:
    """The app, indexed by name."""
    return _AppCompiler(document, written, files, problems).compiled()


@dataclass(slots=True)
class _AppCompiler:
    """Compiles one App document."""

    document: Document
    written: AppDocument
    files: Mapping[str, bytes]
    """What lies beside the definitions."""
    problems: Problems
    pinned: Pinned = NOTHING
    targets: Table | None = None
    routes: dict[tuple[str, str], str] = field(default_factory=dict)
    """Tool by what it is recognised by."""

    def compiled(self) -> App:
        """The app."""
        written = self.written
        name = written.metadata.name
        self.pinned = read_pinned(name, self.files.get(name), self.document, self.problems)
        if written.targets:
            self.targets = Table.of(written.targets, exact=written.case == "exact")
        self._only_mcp()
        tools = self._tools()
        return App(
            name=name,
            protocol=written.protocol,
            url=written.upstream.url or "",
            hosts=self._hosts(),
            authorization=written.upstream.authorization,
            assertion=written.assertion,
            descriptors=self._descriptors(tools),
            tools=tools,
            resources=tuple(self._resource(index, one) for index, one in enumerate(written.resources)),
            prompts=self._prompts(),
            client_requests=frozenset(written.client_requests),
            place=self.document.at(),
        )

    def _tools(self) -> dict[str, Tool]:
        tools: dict[str, Tool] = {}
        for index, written in enumerate(self.written.tools):
            place = self.document.at("tools", index, "name")
            if written.name in tools:
                self.problems.error(place, f"tool `{written.name}` is there already")
                continue
            tools[written.name] = self._tool(index, written)
            if self.pinned is not NOTHING and written.name not in self.pinned.tools:
                near = did_you_mean(written.name, self.pinned.tools)
                self.problems.warn(place, f"tool `{written.name}` is not in the pinned definitions{near}")
        return tools

    def _tool(self, index: int, written: ToolWritten) -> Tool:
        here = ("tools", index)
        match = self._match(index, written)
        exact = (written.case or self.written.case) == "exact"
        tables: list[LabelTable] = []
        for path, patterns in written.labels.items():
            steps = self._steps(path, self.document.key(*here, "labels", path))
            tables.append(LabelTable(argument=".".join(steps), classes_of=Table.of(patterns, exact=exact)))
        target: tuple[str, ...] = ()
        if written.target is not None:
            target = self._steps(written.target, self.document.at(*here, "target"))
        if self.targets is not None and target:
            tables.append(LabelTable(argument="", classes_of=self.targets))
        recorded = [
            ".".join(self._steps(one, self.document.at(*here, "recorded", at)))
            for at, one in enumerate(written.recorded)
        ]
        return Tool(
            app=self.written.metadata.name,
            name=written.name,
            access=Access(written.access),
            classes=frozenset(written.data),
            target=".".join(target) or None,
            match=match,
            review=written.review,
            labels=tuple(tables),
            recorded=frozenset(recorded),
            definition=self.pinned.tools.get(written.name),
            place=self.document.at(*here),
        )

    def _steps(self, path: str, place: Place) -> tuple[str, ...]:
        steps = steps_of(path)
        if not steps:
            self.problems.error(place, f"{shown(path)} names no argument")
        return steps

    def _match(self, index: int, tool: ToolWritten) -> Match | None:
        written = tool.match
        here = ("tools", index)
        if self.written.protocol == "mcp":
            if written is not None:
                place = self.document.key(*here, "match")
                self.problems.error(place, "`match` is not for MCP: the name is on the wire")
            return None
        if written is None:
            self.problems.error(self.document.at(*here), f"tool `{tool.name}` needs `match` to be recognised")
            return None
        if self.written.protocol == "grpc":
            self._check_grpc(index, written)
        else:
            self._check_rest(index, written)
        match = Match(method=written.method, path=written.path or "")
        route = (match.method, re.sub(r"\{[^}]*\}", "{}", match.path))
        other = self.routes.setdefault(route, tool.name)
        if other != tool.name:
            what = f"{match.method} {match.path}".strip()
            place = self.document.at(*here, "match")
            self.problems.error(place, f"{shown(what)} is recognised as tool `{other}` already")
        return match

    def _check_grpc(self, index: int, written: MatchWritten) -> None:
        here = ("tools", index, "match")
        if not _GRPC_METHOD.fullmatch(written.method):
            text = f"{shown(written.method)} is no gRPC method: write `/package.Service/Method`"
            self.problems.error(self.document.at(*here, "method"), text)
        if written.path is not None:
            self.problems.error(self.document.key(*here, "path"), "`path` is for REST only")

    def _check_rest(self, index: int, written: MatchWritten) -> None:
        here = ("tools", index, "match")
        if written.method not in HTTP_METHODS:
            near = did_you_mean(written.method.upper(), HTTP_METHODS)
            text = f"{shown(written.method)} is none of {', '.join(HTTP_METHODS)}{near}"
            self.problems.error(self.document.at(*here, "method"), text)
        if written.path is None:
            self.problems.error(self.document.at(*here), "`path` is missing")
        elif not _is_template(written.path):
            place = self.document.at(*here, "path")
            self.problems.error(place, f"{shown(written.path)} is no route template")

    def _only_mcp(self) -> None:
        if self.written.protocol == "mcp":
            return
        for key in ("resources", "prompts", "client_requests"):
            if getattr(self.written, key):
                self.problems.error(self.document.key(key), f"`{key}` is for MCP only")

    def _hosts(self) -> frozenset[str]:
        hosts = self.written.upstream.hosts
        for index, host in enumerate(hosts):
            if not _HOST.fullmatch(host):
                place = self.document.at("upstream", "hosts", index)
                self.problems.error(place, f"{shown(host)} is no host name")
        return frozenset(one.lower().rsplit(":", 1)[0].rstrip(".") for one in hosts)

    def _descriptors(self, tools: Mapping[str, Tool]) -> bytes | None:
        name = self.written.upstream.descriptors
        if name is None:
            return None
        place = self.document.at("upstream", "descriptors")
        if self.written.protocol != "grpc":
            self.problems.error(place, "`descriptors` is for gRPC only")
            return None
        data = self.files.get(name)
        if data is None:
            self.problems.error(place, f"no file {shown(name)} beside the definitions")
            return None
        methods = descriptor_methods(data)
        if methods is None:
            self.problems.error(place, f"{shown(name)} is no FileDescriptorSet")
            return None
        for index, written in enumerate(self.written.tools):
            match = tools[written.name].match
            if match is not None and match.method not in methods:
                near = did_you_mean(match.method, methods)
                where = self.document.at("tools", index, "match", "method")
                self.problems.error(where, f"{shown(match.method)} is not in {shown(name)}{near}")
        return data

    def _resource(self, index: int, written: ResourceWritten) -> Tool:
        return Tool(
            app=self.written.metadata.name,
            name=written.match,
            access=Access(written.access),
            classes=frozenset(written.data),
            review=written.review,
            definition=self.pinned.resources.get(written.match),
            place=self.document.at("resources", index),
        )

    def _prompts(self) -> dict[str, Tool]:
        prompts: dict[str, Tool] = {}
        for index, one in enumerate(self.written.prompts):
            if one.name in prompts:
                place = self.document.at("prompts", index, "name")
                self.problems.error(place, f"prompt `{one.name}` is there already")
                continue
            prompts[one.name] = self._prompt(index, one)
        return prompts

    def _prompt(self, index: int, written: PromptWritten) -> Tool:
        return Tool(
            app=self.written.metadata.name,
            name=written.name,
            access=Access(written.access),
            classes=frozenset(written.data),
            review=written.review,
            definition=self.pinned.prompts.get(written.name),
            place=self.document.at("prompts", index),
        )


def _is_template(path: str) -> bool:
    if path == "/":
        return True
    segments = path.split("/")
    parameters = _PARAMETER.findall(path)
    return (
        segments[0] == ""
        and all(_SEGMENT.fullmatch(one) and one not in (".", "..") for one in segments[1:])
        and "}{" not in path
        and len(parameters) == len(set(parameters))
    )
