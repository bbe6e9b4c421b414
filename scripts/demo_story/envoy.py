"""Envoy's configuration for other addresses than those in envoy/envoy.yaml. Pure; changes nothing else."""

import copy
from collections.abc import Mapping
from typing import Any

Document = dict[str, Any]


def adapted(
    envoy: Document, listener: Document, addresses: Mapping[str, Document], *, names: bool = False
) -> Document:
    """The same configuration with its listener and its clusters at these addresses.

    With `names`, the addresses of clusters are host names that Envoy keeps resolving.
    """
    result = copy.deepcopy(envoy)
    resources = result["static_resources"]
    resources["listeners"][0]["address"] = listener
    for cluster in resources["clusters"]:
        address = addresses.get(cluster["name"])
        if address is None:
            continue
        if names and "socket_address" in address:
            cluster["type"] = "STRICT_DNS"
        cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = copy.deepcopy(
            address
        )
    return result


def traced(envoy: Document, tracing: Document, collector: Document) -> Document:
    """The same configuration, taking part in traces that go to `collector`."""
    result = copy.deepcopy(envoy)
    resources = result["static_resources"]
    manager = resources["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["tracing"] = copy.deepcopy(tracing["tracing"])
    cluster = copy.deepcopy(tracing["cluster"])
    cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"] = collector
    resources["clusters"].append(cluster)
    return result


def tcp(host: str, port: int) -> Document:
    """A TCP address."""
    return {"socket_address": {"address": host, "port_value": port}}


def pipe(path: str) -> Document:
    """A Unix socket."""
    return {"pipe": {"path": path}}
