"""Envoy for benchmarks: one worker and one route, with or without an authorizer and an app."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ENVOY = Path(__file__).resolve().parents[3] / ".venv/bin/envoy"
PATH = "/tickets/mcp"
_TYPE = "type.googleapis.com/envoy.extensions."
_READY = 20.0
"""Seconds that Envoy may take until it answers."""


def bootstrap(port: int, authorizer: int | None, app: int | None) -> dict[str, Any]:
    """With an authorizer every request is shown to it; without an app Envoy answers by itself."""
    filters: list[dict[str, Any]] = [
        {"name": "router", "typed_config": {"@type": f"{_TYPE}filters.http.router.v3.Router"}}
    ]
    clusters: list[dict[str, Any]] = []
    route: dict[str, Any] = {"match": {"prefix": "/"}}
    if app is None:
        route["direct_response"] = {"status": 200, "body": {"inline_string": "ok"}}
    else:
        route["route"] = {"cluster": "app"}
        clusters.append(_cluster("app", app))
    if authorizer is None:
        # Reads the whole request, as with an authorizer: Envoy hangs up on a client whose body it never read.
        buffer = {"@type": f"{_TYPE}filters.http.buffer.v3.Buffer", "max_request_bytes": 1048576}
        filters.insert(0, {"name": "buffer", "typed_config": buffer})
    else:
        filters.insert(0, _ext_authz())
        clusters.append(_cluster("authorizer", authorizer, http2=True))
        route["typed_per_filter_config"] = {
            "envoy.filters.http.ext_authz": {
                "@type": f"{_TYPE}filters.http.ext_authz.v3.ExtAuthzPerRoute",
                "check_settings": {"context_extensions": {"app": "tickets", "max_request_bytes": "1048576"}},
            }
        }
    manager = {
        "@type": f"{_TYPE}filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": filters,
    }
    network = {"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}
    listener = {
        "name": "bench",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": port}},
        "filter_chains": [{"filters": [network]}],
    }
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


def _ext_authz() -> dict[str, Any]:
    return {
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": f"{_TYPE}filters.http.ext_authz.v3.ExtAuthz",
            "transport_api_version": "V3",
            "grpc_service": {"envoy_grpc": {"cluster_name": "authorizer"}, "timeout": "10s"},
            "failure_mode_allow": False,
            "encode_raw_headers": True,
            "with_request_body": {
                "max_request_bytes": 1048576,
                "allow_partial_message": False,
                "pack_as_bytes": True,
            },
        },
    }


def _cluster(name: str, port: int, *, http2: bool = False) -> dict[str, Any]:
    endpoint = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}
    spoken: dict[str, Any] = {"http2_protocol_options" if http2 else "http_protocol_options": {}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": f"{_TYPE}upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": spoken,
            }
        },
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{"lb_endpoints": [{"endpoint": endpoint}]}],
        },
    }


@contextmanager
def envoy(folder: Path, port: int, authorizer: int | None, app: int | None) -> Iterator[int]:
    """An Envoy with one worker thread; gives the id of its process once it answers."""
    config = folder / f"envoy-{port}.json"
    config.write_text(json.dumps(bootstrap(port, authorizer, app)))
    command = [str(ENVOY), "-c", str(config), "--concurrency", "1", "--disable-hot-restart", "-l", "error"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _answers(port)
        yield process.pid
    finally:
        process.terminate()
        process.wait(15)


def _answers(port: int) -> None:
    deadline = time.monotonic() + _READY
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
        except urllib.error.HTTPError:
            return  # refused by the authorizer: it answers
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
