"""Routes: each names its app to the authorizer, and everything matches something: nothing is unjudged."""

from collections.abc import Mapping, Sequence

import orjson
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from authz.core.app import App
from authz.render.choices import Choices
from authz.render.upstream import TYPE, Tree, Upstream
from authz.render.virtual import virtual_routes

EXT_AUTHZ = "envoy.filters.http.ext_authz"
_OVERWRITE = "OVERWRITE_IF_EXISTS_OR_ADD"
# For a client's eyes only, or for no one's: no app may be misled by these.
_NOT_FOR_APPS = (
    "x-agent-access-key",
    "x-envoy-auth-failure-mode-allowed",
    "x-envoy-original-path",
    "x-forwarded-host",
    "x-http-method-override",
    "x-original-url",
    "x-rewrite-url",
)


def route_configuration(upstreams: Sequence[Upstream], choices: Choices) -> Tree:
    """All routes: by path on any host, and by host for apps that have one of their own."""
    by_path = [_metadata(choices)] if choices.resource else []
    by_path += virtual_routes(upstreams, choices) if choices.virtual_path else []
    for one in upstreams:
        by_path += _by_path(one, upstreams, choices)
    hosts: list[Tree] = [
        {
            "name": one.app.name,
            # With and without port: the host is handed on as it came, because some apps check it.
            "domains": [domain for host in sorted(one.app.hosts) for domain in (host, f"{host}:*")],
            "routes": [*_by_host(one, choices), *_nothing_here(one.app.name)],
        }
        for one in upstreams
        if one.app.hosts
    ]
    everywhere: Tree = {"name": "gateway", "domains": ["*"], "routes": [*by_path, *_nothing_here(None)]}
    return {
        "name": "apps",
        "request_headers_to_remove": list(_NOT_FOR_APPS),
        "virtual_hosts": [*hosts, everywhere],
    }


def _metadata(choices: Choices) -> Tree:
    """Where to get a credential (RFC 9728): told to anyone, so the one thing that nobody is asked about."""
    metadata = {
        "resource": choices.resource,
        "authorization_servers": list(choices.authorization_servers),
        "bearer_methods_supported": ["header"],
    }
    unjudged: Tree = {
        "@type": TYPE + "envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
        "disabled": True,
    }
    body = orjson.dumps(metadata).decode()
    kind = {"header": {"key": "content-type", "value": "application/json"}, "append_action": _OVERWRITE}
    return {
        "name": "protected-resource",
        "match": {"path_separated_prefix": "/.well-known/oauth-protected-resource"},
        "direct_response": {"status": 200, "body": {"inline_string": body}},
        "response_headers_to_add": [kind],
        "typed_per_filter_config": {EXT_AUTHZ: unjudged},
    }


def _nothing_here(app: str | None) -> list[Tree]:
    """Where no route matches, Envoy skips its filters: so everything else is judged, and leads nowhere."""
    route: Tree = {"name": "nothing-here", "match": {"prefix": "/"}, "direct_response": {"status": 404}}
    if app is not None:
        route["typed_per_filter_config"] = _judged({"app": app})
    return [route]


def unreachable_by_path(upstreams: Sequence[Upstream]) -> list[str]:
    """REST apps whose paths are also those of another: only their host tells them apart."""
    return [one.app.name for one in upstreams if one.app.protocol == "rest" and _clashes(one, upstreams)]


def _by_path(one: Upstream, upstreams: Sequence[Upstream], choices: Choices) -> list[Tree]:
    if one.app.protocol == "mcp":
        return _mcp(one, f"/{one.app.name}/mcp", choices)
    if one.app.protocol == "grpc":
        return _grpc(one, choices)
    return [] if _clashes(one, upstreams) else _rest(one, prefixes(one.app), choices)


def _by_host(one: Upstream, choices: Choices) -> list[Tree]:
    if one.app.protocol == "mcp":
        return _mcp(one, one.path, choices)
    return _grpc(one, choices) if one.app.protocol == "grpc" else _rest(one, ["/"], choices)


def _clashes(one: Upstream, upstreams: Sequence[Upstream]) -> bool:
    others = [
        prefix
        for other in upstreams
        if other.app.protocol == "rest" and other is not one
        for prefix in prefixes(other.app)
    ]
    return any(a.startswith(b) or b.startswith(a) for a in prefixes(one.app) for b in others)


def prefixes(app: App) -> list[str]:
    """The parts of an app's route templates before the first parameter, none within another."""
    found = {
        tool.match.path.partition("{")[0]
        for tool in app.tools.values()
        if tool.match is not None and tool.match.path
    }
    return sorted(one for one in found if not any(one != other and one.startswith(other) for other in found))


def _mcp(one: Upstream, path: str, choices: Choices) -> list[Tree]:
    """A stream is judged once: it ends, so that its re-opening is a new decision."""
    judged = _judged({"app": one.app.name, "max_request_bytes": str(choices.max_request_bytes)})
    rewrite = {"prefix_rewrite": one.path} if path != one.path else {}
    streamed: Tree = {
        "cluster": one.app.name,
        **rewrite,
        "timeout": "0s",
        "max_stream_duration": {"max_stream_duration": f"{choices.stream_seconds}s"},
    }
    called: Tree = {"cluster": one.app.name, **rewrite, "timeout": f"{choices.stream_seconds}s"}
    return [
        _route(f"{one.app.name}-stream", path, (":method", "GET"), streamed, judged),
        _route(f"{one.app.name}-listen", path, ("mcp-method", "subscriptions/listen"), streamed, judged),
        _route(one.app.name, path, None, called, judged),
    ]


def _route(name: str, path: str, header: tuple[str, str] | None, action: Tree, judged: Tree) -> Tree:
    match: Tree = {"path": path}
    if header is not None:
        match["headers"] = [{"name": header[0], "string_match": {"exact": header[1]}}]
    return {"name": name, "match": match, "route": action, "typed_per_filter_config": judged}


def _rest(one: Upstream, under: Sequence[str], choices: Choices) -> list[Tree]:
    """Not rewritten: the path that is judged is the path that the app gets."""
    judged = _judged({"app": one.app.name, "max_request_bytes": str(choices.max_request_bytes)})
    return [
        {
            "name": one.app.name,
            "match": {"prefix": prefix},
            "route": {"cluster": one.app.name, "timeout": "30s"},
            "typed_per_filter_config": judged,
        }
        for prefix in under
    ]


def _grpc(one: Upstream, choices: Choices) -> list[Tree]:
    """Unary messages are shown; a stream of requests never ends, and would be waited for without end."""
    unary = _judged({"app": one.app.name, "max_request_bytes": str(choices.max_request_bytes)})
    unseen = _judged({"app": one.app.name, "body": "none"}, show_body=False)
    lasting = {"max_stream_duration": f"{choices.stream_seconds}s"}
    streams = _streams(one.app)
    routes: list[Tree] = [
        {
            "name": f"{one.app.name}-stream",
            "match": {"path": path, "grpc": {}},
            "route": {"cluster": one.app.name, "timeout": "0s", "max_stream_duration": lasting},
            "typed_per_filter_config": unseen if of_client else unary,
        }
        for path, of_client in sorted((streams or {}).items())
    ]
    shown = streams is not None
    for service in sorted(
        {tool.match.method.rpartition("/")[0] for tool in one.app.tools.values() if tool.match}
    ):
        route: Tree = {
            "cluster": one.app.name,
            "timeout": "30s" if shown else "0s",
            "max_stream_duration": {"grpc_timeout_header_max": "30s"} if shown else lasting,
        }
        routes.append(
            {
                "name": one.app.name,
                "match": {"prefix": f"{service}/", "grpc": {}},
                "route": route,
                "typed_per_filter_config": unary if shown else unseen,
            }
        )
    return routes


def _streams(app: App) -> Mapping[str, bool] | None:
    """Methods that stream, and whether the client does; None where no descriptor tells."""
    if app.descriptors is None:
        return None
    return {
        f"/{file.package + '.' if file.package else ''}{service.name}/{method.name}": method.client_streaming
        for file in FileDescriptorSet.FromString(app.descriptors).file
        for service in file.service
        for method in service.method
        if method.client_streaming or method.server_streaming
    }


def _judged(context: dict[str, str], *, show_body: bool = True) -> Tree:
    settings: Tree = {"context_extensions": context}
    if not show_body:
        settings["disable_request_body_buffering"] = True
    kind = TYPE + "envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute"
    return {EXT_AUTHZ: {"@type": kind, "check_settings": settings}}
