"""Istio: the provider, the CUSTOM policy, and the EnvoyFilters for what the provider cannot say."""

from collections.abc import Sequence
from enum import StrEnum

from authz.render.choices import Choices
from authz.render.mesh.filters import hardened, judge, manager_of
from authz.render.mesh.names import Names
from authz.render.mesh.ways import Way, ways
from authz.render.routes import EXT_AUTHZ
from authz.render.upstream import Tree, Upstream

HCM = "envoy.filters.network.http_connection_manager"
_NETWORKING = "networking.istio.io/v1"
_SECURITY = "security.istio.io/v1"


class Place(StrEnum):
    """Where in the mesh calls are judged."""

    GATEWAY = "GATEWAY"
    """At a gateway, for all apps behind it."""
    SIDECAR = "SIDECAR_INBOUND"
    """Beside each app."""
    WAYPOINT = "WAYPOINT"
    """At a waypoint of an ambient mesh."""


def istio(upstreams: Sequence[Upstream], choices: Choices, names: Names, place: Place) -> list[Tree]:
    """The manifests, to be applied in order; the mesh's own settings (`mesh_config`) go before them."""
    manager = manager_of(upstreams, choices)
    if place is Place.SIDECAR:
        return [one for app in upstreams for one in _beside(app, upstreams, choices, names)]
    found = [
        _custom(names, names.gateway, names.gateway_namespace, _target(names)),
        _filter(manager, names, place),
    ]
    routed, dropped = ways(upstreams, choices)
    if place is Place.WAYPOINT:
        return found
    return [*found, _routes(routed, dropped, names), _told(routed, names)]


def mesh_config(choices: Choices, names: Names) -> Tree:
    """`meshConfig`: the provider. A timeout is always stated, because Istio's own is ten minutes."""
    body = {"maxRequestBytes": choices.max_request_bytes, "allowPartialMessage": False, "packAsBytes": True}
    provider = {
        "service": f"{names.namespace}/{names.host}",
        "port": names.check_port,
        "timeout": "0.5s",
        "failOpen": False,
        "statusOnError": "503",
        "includeRequestBodyInCheck": body,
    }
    return {
        "meshConfig": {
            "pathNormalization": {"normalization": "DECODE_AND_MERGE_SLASHES"},
            "extensionProviders": [{"name": names.provider, "envoyExtAuthzGrpc": provider}],
        }
    }


def authorizer(names: Names) -> list[Tree]:
    """Around the authorizer's own pods: mTLS only, the gateway only, loopback only behind the sidecar."""
    labels = {"app.kubernetes.io/name": names.service}
    caller = f"cluster.local/ns/{names.gateway_namespace}/sa/{names.gateway_account}"
    ports = [str(names.check_port), str(names.stream_port)]
    return [
        {
            **_head(_SECURITY, "PeerAuthentication", names.service, names.namespace),
            "spec": {"selector": {"matchLabels": labels}, "mtls": {"mode": "STRICT"}},
        },
        {
            **_head(_SECURITY, "AuthorizationPolicy", names.service, names.namespace),
            "spec": {
                "selector": {"matchLabels": labels},
                "action": "ALLOW",
                "rules": [
                    {
                        "from": [{"source": {"principals": [caller]}}],
                        "to": [{"operation": {"ports": ports}}],
                    }
                ],
            },
        },
        {
            **_head(_NETWORKING, "Sidecar", names.service, names.namespace),
            "spec": {
                "workloadSelector": {"labels": labels},
                "ingress": [
                    {
                        "port": {"number": port, "protocol": "GRPC", "name": f"grpc-{port}"},
                        "defaultEndpoint": f"127.0.0.1:{port}",
                    }
                    for port in (names.check_port, names.stream_port)
                ],
            },
        },
    ]


def _head(version: str, kind: str, name: str, namespace: str) -> Tree:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": namespace}}


def _target(names: Names) -> Tree:
    gateway = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": names.gateway}
    return {"targetRefs": [gateway]}


def _custom(names: Names, name: str, namespace: str, where: Tree) -> Tree:
    """One rule that matches everything: what no rule matches, Istio would let pass unasked."""
    spec: Tree = {**where, "action": "CUSTOM", "provider": {"name": names.provider}, "rules": [{}]}
    return {**_head(_SECURITY, "AuthorizationPolicy", f"{name}-personas", namespace), "spec": spec}


def _patch(kind: str, match: Tree, value: Tree) -> Tree:
    return {"applyTo": kind, "match": match, "patch": {"operation": "MERGE", "value": value}}


def _filter(manager: Tree, names: Names, place: Place) -> Tree:
    """What the provider cannot say, merged into what Istio makes of it."""
    spec = {**_target(names), "configPatches": _merged(manager, names, place)}
    head = _head(
        "networking.istio.io/v1alpha3", "EnvoyFilter", f"{names.gateway}-personas", names.gateway_namespace
    )
    return {**head, "spec": spec}


def _merged(manager: Tree, names: Names, place: Place) -> list[Tree]:
    def match(inner: Tree) -> Tree:
        if place is Place.WAYPOINT:
            return {"context": str(place), "waypoint": {"filter": inner}}
        return {"context": str(place), "listener": {"filterChain": {"filter": inner}}}

    merged = hardened(manager, names.cluster(names.stream_port), edge=place is Place.GATEWAY)
    return [
        _patch("NETWORK_FILTER", match({"name": HCM}), {"name": HCM, "typed_config": merged}),
        _patch(
            "HTTP_FILTER",
            match({"name": HCM, "subFilter": {"name": EXT_AUTHZ}}),
            {"name": EXT_AUTHZ, "typed_config": judge(manager)},
        ),
    ]


def _beside(one: Upstream, upstreams: Sequence[Upstream], choices: Choices, names: Names) -> list[Tree]:
    """An app's own sidecar: everything that reaches it is for this app."""
    labels = {"app.kubernetes.io/name": one.app.name}
    manager = manager_of(upstreams, choices)
    own, _ = ways([one], choices)
    # What of the app needs words of its own stands in the route: a sidecar has one for everything.
    shown = all(way.context.get("body") != "none" for way in own if way.upstream)
    context = {"app": one.app.name}
    context |= {"max_request_bytes": str(choices.max_request_bytes)} if shown else {"body": "none"}
    settings: Tree = {"context_extensions": context}
    if not shown:
        settings["disable_request_body_buffering"] = True
    kind = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute"
    told = {"typed_per_filter_config": {EXT_AUTHZ: {"@type": kind, "check_settings": settings}}}
    name, namespace = one.app.name, names.gateway_namespace
    patches = _merged(manager, names, Place.SIDECAR)
    patches.append(_patch("HTTP_ROUTE", {"context": str(Place.SIDECAR)}, told))
    return [
        _custom(names, name, namespace, {"selector": {"matchLabels": labels}}),
        {
            **_head("networking.istio.io/v1alpha3", "EnvoyFilter", f"{name}-personas", namespace),
            "spec": {"workloadSelector": {"labels": labels}, "configPatches": patches},
        },
    ]


def _routes(routed: Sequence[Way], dropped: Sequence[str], names: Names) -> Tree:
    """One VirtualService, so that the order of routes is ours."""
    hosts = sorted({host for way in routed for host in way.hosts})
    # A VirtualService has one list of routes for all its hosts: each route names the host that it is for.
    spec = {
        "hosts": ["*"] if "*" in hosts else hosts,
        "gateways": [names.gateway],
        "http": [_route(way, dropped, names) for way in routed],
    }
    head = _head(_NETWORKING, "VirtualService", f"{names.gateway}-personas", names.gateway_namespace)
    return {**head, "spec": spec}


def _route(way: Way, dropped: Sequence[str], names: Names) -> Tree:
    match: Tree = {"uri": {"exact": way.exact} if way.exact else {"prefix": way.prefix}}
    headers: Tree = {name: {"exact": value} for name, value in way.headers.items() if name != ":method"}
    if ":method" in way.headers:
        match["method"] = {"exact": way.headers[":method"]}
    if way.grpc:
        headers["content-type"] = {"prefix": "application/grpc"}
    if headers:
        match["headers"] = headers
    every = [match] if way.hosts == ("*",) else [
        {**match, "authority": {"regex": f"(?i){host.replace('.', '[.]')}(:[0-9]+)?"}} for host in way.hosts
    ]  # fmt: skip
    route: Tree = {"name": way.name, "match": every}
    if way.upstream is None:
        return {**route, "directResponse": {"status": 404}}
    if way.rewrite:
        route["rewrite"] = {"uri": way.rewrite}
    return {
        **route,
        "headers": {"request": {"remove": list(dropped)}},
        "timeout": f"{way.seconds}s",
        "route": [
            {"destination": {"host": _service(way.upstream, names), "port": {"number": way.upstream.port}}}
        ],
    }


def _service(upstream: Upstream, names: Names) -> str:
    """A mesh routes to names: an app that is defined by an address is taken for a service of its name."""
    if upstream.host.replace(".", "").isdigit() or ":" in upstream.host:
        return f"{upstream.app.name}.{names.gateway_namespace}.svc.cluster.local"
    return upstream.host


def _told(routed: Sequence[Way], names: Names) -> Tree:
    """Each route names its app to the authorizer."""
    patches = [
        _patch(
            "HTTP_ROUTE",
            {
                "context": str(Place.GATEWAY),
                "routeConfiguration": {"vhost": {"route": {"name": way.name}}},
            },
            {"typed_per_filter_config": way.settings},
        )
        for way in routed
        if way.settings
    ]
    head = _head(
        "networking.istio.io/v1alpha3",
        "EnvoyFilter",
        f"{names.gateway}-personas-apps",
        names.gateway_namespace,
    )
    return {**head, "spec": {**_target(names), "configPatches": patches}}
