"""Envoy Gateway: routes of the Gateway API, a SecurityPolicy for each app, and patches for the rest."""

from collections.abc import Sequence

from authz.render.choices import Choices
from authz.render.mesh.filters import judge, manager_of
from authz.render.mesh.names import Names
from authz.render.mesh.ways import Way, ways
from authz.render.upstream import Tree, Upstream

_OWN = "gateway.envoyproxy.io/v1alpha1"
_API = "gateway.networking.k8s.io/v1"
_LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"


def envoy_gateway(upstreams: Sequence[Upstream], choices: Choices, names: Names) -> list[Tree]:
    """The manifests, to be applied in order."""
    routed, dropped = ways(upstreams, choices)
    found = [
        _grant(names),
        _gateway(names),
        _proxy(names),
        _clients(names),
        _closed(choices, names),
        _patch(upstreams, choices, names),
    ]
    for number, way in enumerate(routed):
        if way.upstream is None:
            continue
        name = f"{way.upstream.app.name}-{number}"
        found += [_route(way, name, dropped, names), _policy(way, name, choices, names)]
    return found


def _head(version: str, kind: str, name: str, names: Names) -> Tree:
    namespace = names.gateway_namespace
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def _grant(names: Names) -> Tree:
    """The authorizer's namespace lets these policies name its service."""
    kinds = ("SecurityPolicy", "EnvoyProxy")
    group, namespace = "gateway.envoyproxy.io", names.gateway_namespace
    allowed = [{"group": group, "kind": kind, "namespace": namespace} for kind in kinds]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1beta1",
        "kind": "ReferenceGrant",
        "metadata": {"name": names.gateway, "namespace": names.namespace},
        "spec": {"from": allowed, "to": [{"group": "", "kind": "Service", "name": names.service}]},
    }


def _gateway(names: Names) -> Tree:
    infrastructure = {
        "parametersRef": {"group": "gateway.envoyproxy.io", "kind": "EnvoyProxy", "name": names.gateway}
    }
    tls = {"mode": "Terminate", "certificateRefs": [{"name": f"{names.gateway}-tls"}]}
    return {
        **_head(_API, "Gateway", names.gateway, names),
        "spec": {
            "gatewayClassName": "envoy",
            "infrastructure": infrastructure,
            "listeners": [{"name": "agents", "port": 443, "protocol": "HTTPS", "tls": tls}],
        },
    }


def _backend(names: Names, port: int) -> Tree:
    return {"name": names.service, "namespace": names.namespace, "port": port}


def _proxy(names: Names) -> Tree:
    """How calls end is streamed to the authorizer."""
    als = {"logName": "personas", "type": "HTTP", "backendRefs": [_backend(names, names.stream_port)]}
    sink = {"type": "ALS", "als": {**als, "http": {"responseHeaders": ["mcp-session-id"]}}}
    return {
        **_head(_OWN, "EnvoyProxy", names.gateway, names),
        "spec": {"telemetry": {"accessLog": {"settings": [{"sinks": [sink]}]}}},
    }


def _gateway_target(names: Names) -> Tree:
    return {"targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": names.gateway}]}


def _clients(names: Names) -> Tree:
    """One spelling of a path, no forged identity."""
    return {
        **_head(_OWN, "ClientTrafficPolicy", names.gateway, names),
        "spec": {
            **_gateway_target(names),
            "path": {"escapedSlashesAction": "RejectRequest", "disableMergeSlashes": False},
            "headers": {
                "withUnderscoresAction": "RejectRequest",
                "xForwardedClientCert": {"mode": "SanitizeSet"},
            },
            "timeout": {"http": {"requestReceivedTimeout": "60s", "idleTimeout": "600s"}},
        },
    }


def _asked(choices: Choices, names: Names, context: Sequence[tuple[str, str]]) -> Tree:
    asked: Tree = {
        "grpc": {"backendRefs": [_backend(names, names.check_port)]},
        "failOpen": False,
        "timeout": "500ms",
        "statusOnError": 503,
        "recomputeRoute": False,
    }
    if ("body", "none") not in context:
        asked["bodyToExtAuth"] = {"maxRequestBytes": choices.max_request_bytes}
    if context:
        asked["contextExtensions"] = [
            {"name": key, "type": "Value", "value": value} for key, value in context
        ]
    return asked


def _closed(choices: Choices, names: Names) -> Tree:
    """At the Gateway: a route that nobody wrote a policy for is judged too, as no app's, and refused."""
    spec = {**_gateway_target(names), "extAuth": _asked(choices, names, ())}
    return {**_head(_OWN, "SecurityPolicy", names.gateway, names), "spec": spec}


def _policy(way: Way, name: str, choices: Choices, names: Names) -> Tree:
    kind = "GRPCRoute" if way.grpc else "HTTPRoute"
    target = {"group": "gateway.networking.k8s.io", "kind": kind, "name": name}
    context = sorted(way.context.items())
    spec = {"targetRefs": [target], "extAuth": _asked(choices, names, context)}
    return {**_head(_OWN, "SecurityPolicy", name, names), "spec": spec}


def _route(way: Way, name: str, dropped: Sequence[str], names: Names) -> Tree:
    assert way.upstream is not None  # noqa: S101 - the caller leaves out what leads nowhere
    backend = {"name": way.upstream.app.name, "port": way.upstream.port}
    removed = {"type": "RequestHeaderModifier", "requestHeaderModifier": {"remove": list(dropped)}}
    spec: Tree = {"parentRefs": [{"name": names.gateway}]}
    if way.hosts != ("*",):
        spec["hostnames"] = list(way.hosts)
    if way.grpc:
        service, _, method = (way.exact or way.prefix).removeprefix("/").partition("/")
        matched = {"type": "Exact", "service": service, **({"method": method} if method else {})}
        rule: Tree = {"matches": [{"method": matched}], "filters": [removed], "backendRefs": [backend]}
        spec["rules"] = [rule]
        return {**_head(_API, "GRPCRoute", name, names), "spec": spec}
    path = {"type": "Exact", "value": way.exact} if way.exact else {"type": "PathPrefix", "value": way.prefix}
    match: Tree = {"path": path}
    if ":method" in way.headers:
        match["method"] = way.headers[":method"]
    headers = [
        {"type": "Exact", "name": key, "value": value}
        for key, value in way.headers.items()
        if key != ":method"
    ]
    if headers:
        match["headers"] = headers
    filters: list[Tree] = [removed]
    if way.rewrite:
        rewrite = {"path": {"type": "ReplaceFullPath", "replaceFullPath": way.rewrite}}
        filters.append({"type": "URLRewrite", "urlRewrite": rewrite})
    timeouts = {"request": f"{way.seconds}s"}
    spec["rules"] = [{"matches": [match], "filters": filters, "backendRefs": [backend], "timeouts": timeouts}]
    return {**_head(_API, "HTTPRoute", name, names), "spec": spec}


def _patch(upstreams: Sequence[Upstream], choices: Choices, names: Names) -> Tree:
    """What no policy can say: whole header values, the body as bytes, what the authorizer may change."""
    settings = judge(manager_of(upstreams, choices))
    settings["with_request_body"] = {
        "max_request_bytes": choices.max_request_bytes,
        "allow_partial_message": False,
        "pack_as_bytes": True,
    }
    listener = f"{names.gateway_namespace}/{names.gateway}/agents"
    chosen = "$..http_filters[?(@.typed_config['@type']=='" + str(settings.pop("@type")) + "')].typed_config"
    patches = [
        {
            "type": _LISTENER,
            "name": listener,
            "operation": {"op": "add", "jsonPath": chosen, "path": key, "value": value},
        }
        for key, value in settings.items()
    ]
    spec: Tree = {
        "targetRef": {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": names.gateway},
        "type": "JSONPatch",
        "jsonPatches": patches,
    }
    return {**_head(_OWN, "EnvoyPatchPolicy", names.gateway, names), "spec": spec}
