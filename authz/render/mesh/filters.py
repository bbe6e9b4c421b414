"""What no provider of a mesh can say of the filter, taken from the plain listener."""

from collections.abc import Sequence

from authz.render.choices import Choices
from authz.render.listener import listener
from authz.render.upstream import TYPE, Tree, Upstream

# What a merge must leave alone: the mesh says it, or a merge cannot (it never sets `false`).
_THE_MESHS_OWN = frozenset(
    {
        "grpc_service",
        "stat_prefix",
        "transport_api_version",
        "failure_mode_allow",
        "failure_mode_allow_header_add",
        "status_on_error",
        "with_request_body",
        "clear_route_cache",
    }
)
_MANAGER = (
    "use_remote_address",
    "normalize_path",
    "merge_slashes",
    "path_with_escaped_slashes_action",
    "forward_client_cert_details",
    "request_headers_timeout",
    "request_timeout",
    "stream_idle_timeout",
)
HCM = TYPE + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def manager_of(upstreams: Sequence[Upstream], choices: Choices) -> Tree:
    """The connection manager of plain Envoy."""
    tree = listener(upstreams, choices, {})
    found: Tree = tree["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def judge(manager: Tree) -> Tree:
    """What is merged into the ext_authz filter that the mesh made."""
    tree = manager["http_filters"][0]["typed_config"]
    return {key: value for key, value in tree.items() if key not in _THE_MESHS_OWN}


def hardened(manager: Tree, cluster: str, *, edge: bool) -> Tree:
    """What is merged into the mesh's connection manager.

    Args:
        manager: That of plain Envoy.
        cluster: The mesh's name for the address that takes access logs.
        edge: Whether agents connect here; else a proxy of the mesh does, and what it says of them must stay.
    """
    of_edge = {"use_remote_address", "forward_client_cert_details"}
    found: Tree = {"@type": HCM}
    found.update({key: manager[key] for key in _MANAGER if edge or key not in of_edge})
    protocol = manager["common_http_protocol_options"]["headers_with_underscores_action"]
    found["common_http_protocol_options"] = {"headers_with_underscores_action": protocol}
    for log in manager.get("access_log", []):
        config = log["typed_config"]
        service = {"envoy_grpc": {"cluster_name": cluster}}
        common = {**config["common_config"], "grpc_service": service}
        found["access_log"] = [{**log, "typed_config": {**config, "common_config": common}}]
    return found
