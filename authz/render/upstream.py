"""Where an app is, as its definition says, and the Envoy cluster that reaches it."""

import ipaddress
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from authz.core.app import App
from authz.render.choices import host_port

Tree: TypeAlias = dict[str, Any]
"""A piece of configuration as Envoy's YAML has it; checked against Envoy's types before it is written."""

_HTTP = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
TYPE = "type.googleapis.com/"
SYSTEM_ROOTS = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, slots=True)
class Upstream:
    """The address of one app."""

    app: App
    host: str
    port: int
    path: str
    """Path of the URL; `/` when it has none."""
    tls: bool


def upstream_of(app: App) -> Upstream | None:
    """The address in the definition; None when there is none that Envoy could connect to."""
    parts = urlsplit(app.url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    return Upstream(app, parts.hostname, port, parts.path or "/", parts.scheme == "https")


def cluster(upstream: Upstream) -> Tree:
    """The Envoy cluster of an app."""
    grpc = upstream.app.protocol == "grpc"
    http: Tree = {"http2_protocol_options": {}} if grpc else {"http_protocol_options": {}}
    options: Tree = {"@type": TYPE + _HTTP, "explicit_http_config": http}
    if not grpc:
        # Envoy lets go of an idle connection before the app does: no request meets a closing one.
        options["common_http_protocol_options"] = {"idle_timeout": "3s"}
    found: Tree = {
        **_reached(upstream.app.name, upstream.host, upstream.port),
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {_HTTP: options},
    }
    if upstream.tls:
        context: Tree = {
            "@type": TYPE + "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "sni": upstream.host,
            "common_tls_context": {
                "validation_context": {
                    "trusted_ca": {"filename": SYSTEM_ROOTS},
                    "match_typed_subject_alt_names": [
                        {"san_type": "DNS", "matcher": {"exact": upstream.host}},
                    ],
                }
            },
        }
        found["transport_socket"] = {"name": "envoy.transport_sockets.tls", "typed_config": context}
    return found


def own_cluster(name: str, address: str) -> Tree:
    """A cluster of ours, spoken to in gRPC: the authorizer, the collector.

    Raises:
        ValueError: When `address` is none.
    """
    http: Tree = {"@type": TYPE + _HTTP, "explicit_http_config": {"http2_protocol_options": {}}}
    if address.startswith("unix:"):
        endpoint: Tree = {"pipe": {"path": address.removeprefix("unix:")}}
        reached: Tree = {"name": name, "type": "STATIC", "load_assignment": _assigned(name, endpoint)}
    else:
        reached = _reached(name, *host_port(address))
    limits = {"max_requests": 4096, "max_pending_requests": 4096}
    return {
        **reached,
        "connect_timeout": "0.25s",
        "circuit_breakers": {"thresholds": [limits]},
        "typed_extension_protocol_options": {_HTTP: http},
    }


def _reached(name: str, host: str, port: int) -> Tree:
    address: Tree = {"socket_address": {"address": host, "port_value": port}}
    kind = "STATIC" if _is_address(host) else "STRICT_DNS"
    return {"name": name, "type": kind, "load_assignment": _assigned(name, address)}


def _assigned(name: str, address: Tree) -> Tree:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address}}]}]
    return {"cluster_name": name, "endpoints": endpoints}


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
