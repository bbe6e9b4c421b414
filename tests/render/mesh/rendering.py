"""The manifests that the repository holds, made anew."""

from collections.abc import Sequence
from typing import Any

import yaml

from authz.core.definitions import Definitions
from authz.render import Choices, upstreams_of
from authz.render.mesh import Names, Place, authorizer, envoy_gateway, istio, mesh_config

HEAD = "# Made from the Apps in personas/ (README.md beside this file says how): change those, not this.\n"


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True


def manifests(definitions: Definitions) -> dict[str, list[dict[str, Any]]]:
    """Every file below envoy/, by its path there."""
    upstreams, _ = upstreams_of(definitions)
    choices, names = Choices(), Names()
    return {
        "istio/mesh-config.yaml": [mesh_config(choices, names)],
        "istio/authorizer.yaml": authorizer(names),
        "istio/gateway.yaml": istio(upstreams, choices, names, Place.GATEWAY),
        "istio/sidecar.yaml": istio(upstreams, choices, names, Place.SIDECAR),
        "istio/waypoint.yaml": istio(upstreams, choices, names, Place.WAYPOINT),
        "envoy-gateway/gateway.yaml": envoy_gateway(upstreams, choices, names),
    }


def written(documents: Sequence[dict[str, Any]]) -> str:
    """A file's text."""
    return HEAD + yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, width=110)
