"""An OpenAPI document (3.x, or Swagger 2.0), as a draft. References are not followed: paths suffice."""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import yaml

from authz.core.app import Access
from authz.importers.draft import Draft, DraftTool, ImportProblem, one_line, plain_name

_ACCESS = {
    "get": Access.READ,
    "head": Access.READ,
    "options": Access.READ,
    "post": Access.WRITE,
    "put": Access.WRITE,
    "patch": Access.WRITE,
    "delete": Access.DELETE,
}
_PARAMETER = re.compile(r"\{([^{}/]+)\}")
_ODD_PATH = re.compile(r"[?#;%\\\s]|//|/\.{1,2}(/|$)")
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def from_openapi(data: bytes) -> Draft:
    """A draft from the document, JSON or YAML.

    Raises:
        ImportProblem: When it is none.
    """
    try:
        value = yaml.load(data, Loader=_LOADER)  # noqa: S506 - a safe loader, the fast one where there is one
    except yaml.YAMLError as error:
        raise ImportProblem(f"neither JSON nor YAML: {one_line(str(error))}") from None
    if not isinstance(value, dict) or not isinstance(value.get("paths"), dict):
        raise ImportProblem("no OpenAPI document: it has no `paths`")
    if not isinstance(value.get("openapi", value.get("swagger")), str):
        raise ImportProblem("no OpenAPI document: it says neither `openapi` nor `swagger`")
    url, base = _server(value)
    tools: dict[str, DraftTool] = {}
    left_out: list[str] = []
    for method, path, operation in _operations(value["paths"]):
        template = base + path
        if _ODD_PATH.search(template) or (template != "/" and template.endswith("/")):
            left_out.append(f"{method.upper()} {path}: a path that is refused on the wire")
            continue
        name = _name(method, path, operation, tools)
        parameters = _PARAMETER.findall(template)
        tools[name] = DraftTool(
            name=name,
            access=_ACCESS[method],
            match=(method.upper(), template),
            target=parameters[-1] if parameters else None,
            title=one_line(operation.get("summary") or operation.get("description")),
        )
    return Draft(protocol="rest", tools=list(tools.values()), url=url, left_out=left_out)


def _operations(paths: Mapping[Any, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in paths.items():
        if not isinstance(path, str) or not path.startswith("/") or not isinstance(item, dict):
            continue
        for method in _ACCESS:
            operation = item.get(method)
            # An operation with servers of its own is at another address: not this app.
            if isinstance(operation, dict) and "servers" not in operation and "servers" not in item:
                yield method, path, operation


def _name(method: str, path: str, operation: Mapping[str, Any], taken: Mapping[str, DraftTool]) -> str:
    given = operation.get("operationId")
    name = plain_name(given) if isinstance(given, str) else ""
    name = name or plain_name(f"{method}{path}") or method
    found, number = name, 2
    while found in taken:
        found, number = f"{name}_{number}", number + 1
    return found


def _server(document: Mapping[str, Any]) -> tuple[str, str]:
    """The address of the app, and the path before every path of the document."""
    if isinstance(document.get("basePath"), str) or isinstance(document.get("host"), str):
        schemes = document.get("schemes")
        scheme = "http" if isinstance(schemes, list) and schemes and "https" not in schemes else "https"
        host = document.get("host")
        base = document.get("basePath") or ""
        return (f"{scheme}://{host}" if host else ""), str(base).rstrip("/")
    servers = document.get("servers")
    first = servers[0] if isinstance(servers, list) and servers else {}
    url = first.get("url") if isinstance(first, dict) else None
    if not isinstance(url, str) or "{" in url:
        return "", ""
    parts = urlsplit(url)
    address = f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} and parts.netloc else ""
    return address, parts.path.rstrip("/")
