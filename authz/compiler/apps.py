"""`kind: App` as compiled."""

import re
from collections.abc import Mapping, Sequence

from authz.core.arguments import steps_of
from authz.compiler.pinned import NOTHING, Pinned, descriptor_methods, read_pinned
from authz.compiler.problem import Problems, did_you_mean, shown
from authz.compiler.source import Document
from authz.compiler.tables import Table
from authz.compiler.written.app import AppDocument, PromptWritten, ResourceWritten, ToolWritten
from authz.core.app import Access, App, LabelTable, Match, Tool

HTTP_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"})
_GRPC_METHOD = re.compile(r"/[A-Za-z_][A-Za-z0-9_.]*/[A-Za-z_][A-Za-z0-9_]*")
_SEGMENT = re.compile(r"\{[A-Za-z_][A-Za-z0-9_.-]*(?::?\*{0,2})\}|[^{}/?#%\\\s;]+")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?")


def compile_app(
    document: Document, written: AppDocument, files: Mapping[str, bytes], problems: Problems
) -> App:
    """The app, indexed by name."""
    name = written.metadata.name
    pinned = read_pinned(name, files.get(name), document, problems)
    table = Table.of(written.targets, exact=written.case == "exact") if written.targets else None
    tools: dict[str, Tool] = {}
    routes: dict[tuple[str, str], str] = {}
    for index, tool in enumerate(written.tools):
        if tool.name in tools:
            problems.error(document.at("tools", index, "name"), f"tool `{tool.name}` is there already")
            continue
        match = _match(document, index, tool, written.protocol, problems)
        _one_route(document, index, match, tool.name, routes, problems)
        tools[tool.name] = _tool(document, index, tool, written, match, table, pinned)
        if pinned is not NOTHING and tool.name not in pinned.tools:
            place = document.at("tools", index, "name")
            text = f"tool `{tool.name}` is not in the pinned definitions of `{name}`"
            problems.warn(place, text + did_you_mean(tool.name, pinned.tools))
        _check_arguments(document, index, tool, problems)
    _only_mcp(document, written, problems)
    return App(
        name=name,
        protocol=written.protocol,
        url=written.upstream.url or "",
        hosts=_hosts(document, written, problems),
        authorization=written.upstream.authorization,
        assertion=written.assertion,
        descriptors=_descriptors(document, written, files, tools, problems),
        tools=tools,
        resources=tuple(
            _resource(document, index, one, written, pinned) for index, one in enumerate(written.resources)
        ),
        prompts=_prompts(document, written, pinned, problems),
        client_requests=frozenset(written.client_requests),
        place=document.at(),
    )


def _tool(
    document: Document,
    index: int,
    written: ToolWritten,
    app: AppDocument,
    match: Match | None,
    targets: Table | None,
    pinned: Pinned,
) -> Tool:
    exact = (written.case or app.case) == "exact"
    tables = [
        LabelTable(argument=".".join(steps_of(path)), classes_of=Table.of(patterns, exact=exact))
        for path, patterns in written.labels.items()
    ]
    if targets is not None and written.target is not None:
        tables.append(LabelTable(argument="", classes_of=targets))
    return Tool(
        app=app.metadata.name,
        name=written.name,
        access=Access(written.access),
        classes=frozenset(written.data),
        target=".".join(steps_of(written.target)) if written.target else None,
        match=match,
        review=written.review,
        labels=tuple(tables),
        recorded=frozenset(".".join(steps_of(one)) for one in written.recorded),
        definition=pinned.tools.get(written.name),
        place=document.at("tools", index),
    )


def _check_arguments(document: Document, index: int, tool: ToolWritten, problems: Problems) -> None:
    here = ("tools", index)
    if tool.target is not None and not steps_of(tool.target):
        problems.error(document.at(*here, "target"), f"{shown(tool.target)} names no argument")
    for path in tool.labels:
        if not steps_of(path):
            problems.error(document.key(*here, "labels", path), f"{shown(path)} names no argument")


def _match(
    document: Document, index: int, tool: ToolWritten, protocol: str, problems: Problems
) -> Match | None:
    written = tool.match
    here = ("tools", index)
    if protocol == "mcp":
        if written is not None:
            problems.error(document.key(*here, "match"), "`match` is not for MCP: the name is on the wire")
        return None
    if written is None:
        problems.error(document.at(*here), f"tool `{tool.name}` needs `match` to be recognised")
        return None
    method, path = written.method, written.path
    if protocol == "grpc":
        if not _GRPC_METHOD.fullmatch(method):
            text = f"{shown(method)} is no gRPC method: write `/package.Service/Method`"
            problems.error(document.at(*here, "match", "method"), text)
        if path is not None:
            problems.error(document.key(*here, "match", "path"), "`path` is for REST only")
        return Match(method=method)
    if method not in HTTP_METHODS:
        near = did_you_mean(method.upper(), HTTP_METHODS) or f", use one of {', '.join(sorted(HTTP_METHODS))}"
        problems.error(document.at(*here, "match", "method"), f"{shown(method)} is no HTTP method{near}")
    if path is None:
        problems.error(document.at(*here, "match"), "`path` is missing")
    elif not _is_template(path):
        problems.error(document.at(*here, "match", "path"), f"{shown(path)} is no route template")
    return Match(method=method, path=path or "")


def _is_template(path: str) -> bool:
    if path == "/":
        return True
    segments = path.split("/")
    parameters = [one for one in segments if one.startswith("{")]
    return (
        segments[0] == ""
        and all(_SEGMENT.fullmatch(one) and one not in (".", "..") for one in segments[1:])
        and len(parameters) == len(set(parameters))
    )


def _one_route(
    document: Document,
    index: int,
    match: Match | None,
    name: str,
    routes: dict[tuple[str, str], str],
    problems: Problems,
) -> None:
    if match is None:
        return
    route = (match.method, re.sub(r"\{[^}]*\}", "{}", match.path))
    other = routes.setdefault(route, name)
    if other != name:
        place = document.at("tools", index, "match")
        problems.error(
            place, f"tool `{name}` is recognised as tool `{other}` is: {match.method} {match.path}"
        )


def _only_mcp(document: Document, written: AppDocument, problems: Problems) -> None:
    if written.protocol == "mcp":
        return
    for key in ("resources", "prompts", "client_requests"):
        if getattr(written, key):
            problems.error(document.key(key), f"`{key}` is for MCP only")


def _hosts(document: Document, written: AppDocument, problems: Problems) -> frozenset[str]:
    hosts: Sequence[str] = written.upstream.hosts
    for index, host in enumerate(hosts):
        if not _HOST.fullmatch(host):
            problems.error(document.at("upstream", "hosts", index), f"{shown(host)} is no host name")
    return frozenset(one.lower().rsplit(":", 1)[0].rstrip(".") for one in hosts)


def _descriptors(
    document: Document,
    written: AppDocument,
    files: Mapping[str, bytes],
    tools: Mapping[str, Tool],
    problems: Problems,
) -> bytes | None:
    name = written.upstream.descriptors
    if name is None:
        return None
    place = document.at("upstream", "descriptors")
    if written.protocol != "grpc":
        problems.error(place, "`descriptors` is for gRPC only")
        return None
    data = files.get(name)
    if data is None:
        problems.error(place, f"no file {shown(name)} beside the definitions")
        return None
    methods = descriptor_methods(data)
    if methods is None:
        problems.error(place, f"{shown(name)} is no FileDescriptorSet")
        return None
    for index, tool in enumerate(written.tools):
        method = tool.match.method if tool.match else ""
        if tool.name in tools and method and method not in methods:
            near = did_you_mean(method, methods)
            where = document.at("tools", index, "match", "method")
            problems.error(where, f"{shown(method)} is not in {shown(name)}{near}")
    return data


def _resource(
    document: Document, index: int, written: ResourceWritten, app: AppDocument, pinned: Pinned
) -> Tool:
    return Tool(
        app=app.metadata.name,
        name=written.match,
        access=Access(written.access),
        classes=frozenset(written.data),
        review=written.review,
        definition=pinned.resources.get(written.match),
        place=document.at("resources", index),
    )


def _prompts(document: Document, written: AppDocument, pinned: Pinned, problems: Problems) -> dict[str, Tool]:
    prompts: dict[str, Tool] = {}
    for index, one in enumerate(written.prompts):
        if one.name in prompts:
            problems.error(document.at("prompts", index, "name"), f"prompt `{one.name}` is there already")
            continue
        prompts[one.name] = _prompt(document, index, one, written, pinned)
    return prompts


def _prompt(document: Document, index: int, written: PromptWritten, app: AppDocument, pinned: Pinned) -> Tool:
    return Tool(
        app=app.metadata.name,
        name=written.name,
        access=Access(written.access),
        classes=frozenset(written.data),
        review=written.review,
        definition=pinned.prompts.get(written.name),
        place=document.at("prompts", index),
    )
