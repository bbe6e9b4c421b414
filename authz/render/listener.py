"""Where agents connect: closed by default, one spelling of each path, and every request judged."""

from collections.abc import Sequence

from authz.render.choices import Choices, host_port
from authz.render.upstream import TYPE, Tree, Upstream
from authz.render.virtual import FILTER, FORGOTTEN

AUTHORIZER = "personas_authorizer"
OUTCOMES = "personas_access_log"
COLLECTOR = "personas_collector"
"""Clusters of ours: no app can be called so."""

_EXT_AUTHZ = "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz"
_OUTCOME = "personas.outcome"
_SELECTORS = (("is_error", ("result", "isError")), ("error_code", ("error", "code")))


def listener(upstreams: Sequence[Upstream], choices: Choices, routes: Tree) -> Tree:
    """The listener.

    Args:
        upstreams: The apps.
        choices: What the operator chose.
        routes: `route_config` or `rds`, as the connection manager has it.

    Raises:
        ValueError: When `choices.listen` is no address.
    """
    host, port = host_port(choices.listen)
    manager: Tree = {
        "@type": TYPE + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "agents",
        "codec_type": "AUTO",
        # What is judged is what the app gets: one spelling of a path, no forged address or identity.
        "use_remote_address": True,
        "internal_address_config": {"unix_sockets": False},
        "xff_num_trusted_hops": 0,
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "REJECT_REQUEST",
        "forward_client_cert_details": "SANITIZE_SET",
        "set_current_client_cert_details": {"uri": True},
        "preserve_external_request_id": False,
        "server_header_transformation": "OVERWRITE",
        "server_name": "personas",
        "max_request_headers_kb": 32,
        "request_headers_timeout": "10s",
        "request_timeout": "60s",
        "stream_idle_timeout": f"{choices.stream_seconds}s",
        "common_http_protocol_options": {
            "headers_with_underscores_action": "REJECT_REQUEST",
            "max_headers_count": 100,
            "idle_timeout": "600s",
        },
        "http2_protocol_options": {
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 65536,
            "initial_connection_window_size": 1048576,
        },
        "early_header_mutation_extensions": [FORGOTTEN],
        **routes,
        "http_filters": _filters(upstreams, choices),
    }
    if choices.access_log:
        manager["access_log"] = [_access_log()]
    if choices.otlp:
        manager["tracing"] = _tracing()
    return {
        "name": "agents",
        "address": {"socket_address": {"address": host, "port_value": port}},
        "per_connection_buffer_limit_bytes": max(65536, choices.max_request_bytes),
        "filter_chains": [
            {
                "filters": [
                    {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager},
                ]
            }
        ],
    }


def _filters(upstreams: Sequence[Upstream], choices: Choices) -> list[Tree]:
    """Judge, put the judged message in place, read what became of it, route."""
    found: list[Tree] = [
        {"name": "envoy.filters.http.ext_authz", "typed_config": _ext_authz(choices)},
    ]
    if choices.virtual_path and any(one.app.protocol == "mcp" for one in upstreams):
        found.append(FILTER)
    if choices.access_log:
        found += _outcomes()
    router = {
        "@type": TYPE + "envoy.extensions.filters.http.router.v3.Router",
        "suppress_envoy_headers": True,
    }
    return [*found, {"name": "envoy.filters.http.router", "typed_config": router}]


def _ext_authz(choices: Choices) -> Tree:
    return {
        "@type": TYPE + _EXT_AUTHZ,
        "transport_api_version": "V3",
        "stat_prefix": "personas",
        "grpc_service": {"envoy_grpc": {"cluster_name": AUTHORIZER}, "timeout": "0.5s"},
        # Closed: no answer is a refusal, an outage is no 403, and switching the filter off denies.
        "failure_mode_allow": False,
        "failure_mode_allow_header_add": False,
        "status_on_error": {"code": "ServiceUnavailable"},
        "deny_at_disable": {
            "default_value": True,
            "runtime_key": "personas.deny_at_disable",
        },
        # The authorizer sees the bytes that came: whole bodies, header values unjoined and unmended.
        "with_request_body": {
            "max_request_bytes": choices.max_request_bytes,
            "allow_partial_message": False,
            "pack_as_bytes": True,
        },
        "encode_raw_headers": True,
        "disallowed_headers": {"patterns": [{"exact": "cookie", "ignore_case": True}]},
        # It may add an identity and take credentials away; anything else that it changes fails the request.
        "validate_mutations": True,
        "decoder_header_mutation_rules": {
            "disallow_all": True,
            "disallow_is_error": True,
            "allow_expression": {
                "regex": "^(x-persona-[a-z-]+|authorization|x-agent-access-key"
                "|x-envoy-auth-failure-mode-allowed)$"
            },
        },
        "clear_route_cache": False,
        # A refusal may be a whole list in the words of MCP.
        "max_denied_response_body_bytes": 1048576,
        "enforce_response_header_limits": True,
        "charge_cluster_response_stats": False,
        "emit_filter_state_stats": True,
    }


def _outcomes() -> list[Tree]:
    """What an MCP answer says of itself, for the access log: read by Envoy, never by us."""

    def present(name: str) -> Tree:
        return {"metadata_namespace": _OUTCOME, "key": name}

    rules = [
        {"selectors": [{"key": step} for step in path], "on_present": present(name)}
        for name, path in _SELECTORS
    ]
    json: Tree = {
        "@type": TYPE + "envoy.extensions.filters.http.json_to_metadata.v3.JsonToMetadata",
        "response_rules": {"rules": rules, "allow_content_types": ["application/json"]},
    }
    parser: Tree = {
        "name": "envoy.content_parsers.json",
        "typed_config": {
            "@type": TYPE + "envoy.extensions.content_parsers.json.v3.JsonContentParser",
            "rules": [{"rule": rule} for rule in rules],
        },
    }
    events: Tree = {
        "@type": TYPE + "envoy.extensions.filters.http.sse_to_metadata.v3.SseToMetadata",
        "response_rules": {"content_parser": parser},
    }
    return [
        {"name": "envoy.filters.http.json_to_metadata", "typed_config": json},
        {"name": "envoy.filters.http.sse_to_metadata", "typed_config": events},
    ]


def _access_log() -> Tree:
    """One entry for each call, to the authorizer: how it ended, beside the decision's id."""
    return {
        "name": "envoy.access_loggers.http_grpc",
        "typed_config": {
            "@type": TYPE + "envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig",
            "common_config": {
                "log_name": "personas",
                "transport_api_version": "V3",
                "grpc_service": {"envoy_grpc": {"cluster_name": OUTCOMES}},
                "buffer_flush_interval": "0.050s",
            },
            # The session that an app opened: it belongs to whoever asked for it.
            "additional_response_headers_to_log": ["mcp-session-id"],
        },
    }


def _tracing() -> Tree:
    provider: Tree = {
        "@type": TYPE + "envoy.config.trace.v3.OpenTelemetryConfig",
        "service_name": "personas-envoy",
        "grpc_service": {"envoy_grpc": {"cluster_name": COLLECTOR}, "timeout": "1s"},
    }
    return {
        "random_sampling": {"value": 100},
        "spawn_upstream_span": True,
        "provider": {"name": "envoy.tracers.opentelemetry", "typed_config": provider},
    }
