"""The complete Envoy configuration: one file, or files that Envoy watches (a new app needs no restart).

Every piece is read once by Envoy's own types before it leaves: a field that Envoy does not know is an error.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from envoy_data_plane.envoy.config.bootstrap.v3 import Bootstrap
from envoy_data_plane.envoy.config.trace.v3 import OpenTelemetryConfig
from envoy_data_plane.envoy.extensions.access_loggers.grpc.v3 import HttpGrpcAccessLogConfig
from envoy_data_plane.envoy.extensions.content_parsers.json.v3 import JsonContentParser
from envoy_data_plane.envoy.extensions.filters.http.ext_authz.v3 import ExtAuthz
from envoy_data_plane.envoy.extensions.filters.http.json_to_metadata.v3 import JsonToMetadata
from envoy_data_plane.envoy.extensions.filters.http.lua.v3 import Lua
from envoy_data_plane.envoy.extensions.filters.http.router.v3 import Router
from envoy_data_plane.envoy.extensions.filters.http.sse_to_metadata.v3 import SseToMetadata
from envoy_data_plane.envoy.extensions.filters.network.http_connection_manager.v3 import HttpConnectionManager
from envoy_data_plane.envoy.extensions.http.early_header_mutation.header_mutation.v3 import HeaderMutation
from envoy_data_plane.envoy.extensions.resource_monitors.downstream_connections.v3 import (
    DownstreamConnectionsConfig,
)
from envoy_data_plane.envoy.extensions.transport_sockets.tls.v3 import UpstreamTlsContext
from envoy_data_plane.envoy.extensions.upstreams.http.v3 import HttpProtocolOptions
from envoy_data_plane.envoy.service.discovery.v3 import DiscoveryResponse

from authz.core.definitions import Definitions
from authz.render.choices import Choices
from authz.render.listener import AUTHORIZER, COLLECTOR, OUTCOMES, listener
from authz.render.routes import route_configuration
from authz.render.upstream import TYPE, Tree, Upstream, cluster, own_cluster, upstream_of

TYPED = (
    OpenTelemetryConfig,
    HttpGrpcAccessLogConfig,
    ExtAuthz,
    JsonToMetadata,
    SseToMetadata,
    JsonContentParser,
    Lua,
    Router,
    HttpConnectionManager,
    DownstreamConnectionsConfig,
    UpstreamTlsContext,
    HttpProtocolOptions,
    HeaderMutation,
)
"""What stands as `@type` in the configuration: only a type that was imported is checked."""

_NODE: Tree = {"id": "personas-envoy", "cluster": "personas"}
# More connections than this are turned away rather than let memory run out.
_OVERLOAD: Tree = {
    "resource_monitors": [
        {
            "name": "envoy.resource_monitors.global_downstream_max_connections",
            "typed_config": {
                "@type": TYPE
                + "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                "max_active_downstream_connections": 10000,
            },
        }
    ]
}


def upstreams_of(definitions: Definitions) -> tuple[list[Upstream], list[str]]:
    """The apps that Envoy can reach, and the names of those whose definition has no usable `upstream.url`."""
    found = {name: upstream_of(app) for name, app in sorted(definitions.apps.items())}
    return [one for one in found.values() if one is not None], [
        name for name, one in found.items() if one is None
    ]


def static_bootstrap(upstreams: Sequence[Upstream], choices: Choices) -> Tree:
    """Everything in one file.

    Raises:
        ValueError: When an address among the choices is none.
    """
    routes = {"route_config": route_configuration(upstreams, choices)}
    resources = {
        "listeners": [listener(upstreams, choices, routes)],
        "clusters": [*_own(choices), *(cluster(one) for one in upstreams)],
    }
    tree: Tree = {"node": _NODE, "static_resources": resources, "overload_manager": _OVERLOAD}
    Bootstrap.from_dict(tree)
    return tree


def watched_files(upstreams: Sequence[Upstream], choices: Choices, folder: str) -> Mapping[str, Tree]:
    """A bootstrap that stays, and what Envoy reads again when it is replaced in `folder`, by file name.

    Raises:
        ValueError: When an address among the choices is none.
    """

    def source(name: str) -> Tree:
        watched = {"path": f"{folder}/{name}", "watched_directory": {"path": folder}}
        return {"path_config_source": watched, "resource_api_version": "V3"}

    rds: Tree = {"rds": {"route_config_name": "apps", "config_source": source("routes.yaml")}}
    bootstrap: Tree = {
        "node": _NODE,
        "static_resources": {"clusters": _own(choices)},
        "dynamic_resources": {
            "lds_config": source("listeners.yaml"),
            "cds_config": source("clusters.yaml"),
        },
        "overload_manager": _OVERLOAD,
    }
    Bootstrap.from_dict(bootstrap)
    return {
        "envoy.yaml": bootstrap,
        "listeners.yaml": _discovered("listener.v3.Listener", [listener(upstreams, choices, rds)]),
        "clusters.yaml": _discovered("cluster.v3.Cluster", [cluster(one) for one in upstreams]),
        "routes.yaml": _discovered("route.v3.RouteConfiguration", [route_configuration(upstreams, choices)]),
    }


def _own(choices: Choices) -> list[Tree]:
    found = [own_cluster(AUTHORIZER, choices.authorizer)]
    if choices.access_log:
        found.append(own_cluster(OUTCOMES, choices.access_log))
    if choices.otlp:
        found.append(own_cluster(COLLECTOR, choices.otlp))
    return found


def _discovered(kind: str, resources: Sequence[Mapping[str, Any]]) -> Tree:
    tree: Tree = {"resources": [{"@type": f"{TYPE}envoy.config.{kind}", **one} for one in resources]}
    DiscoveryResponse.from_dict(tree)
    return tree
