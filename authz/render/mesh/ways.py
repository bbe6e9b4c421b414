"""The routes of plain Envoy, taken apart for a mesh: what matches, where it leads, what is told of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from authz.render.choices import Choices
from authz.render.routes import EXT_AUTHZ, route_configuration
from authz.render.upstream import Tree, Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One route."""

    name: str
    """Unique among all routes."""
    hosts: tuple[str, ...]
    exact: str
    """The whole path; empty where only a prefix is matched."""
    prefix: str
    headers: Mapping[str, str]
    """`:method` is the method."""
    grpc: bool
    upstream: Upstream | None
    """None: nothing is there, and 404 is said."""
    rewrite: str
    seconds: int
    """After this it must be opened, and judged, again."""
    context: Mapping[str, str]
    settings: Tree
    """`typed_per_filter_config`; empty where nothing is said."""


def ways(upstreams: Sequence[Upstream], choices: Choices) -> tuple[list[Way], list[str]]:
    """All routes in order, and the headers that no app gets to see.

    The virtual endpoint is left out: a mesh cannot put another body in place of the one that came.
    """
    tree = route_configuration(upstreams, replace(choices, virtual_path=""))
    named = {one.app.name: one for one in upstreams}
    found: list[Way] = []
    for host in tree["virtual_hosts"]:
        # A mesh matches a host whatever the port.
        domains = tuple(one for one in host["domains"] if not one.endswith(":*"))
        for number, route in enumerate(host["routes"]):
            name = f"{host['name']}-{number}-{route['name']}"
            found.append(_way(name, domains, route, named, choices))
    return found, list(tree["request_headers_to_remove"])


def _way(
    name: str, hosts: tuple[str, ...], route: Tree, named: Mapping[str, Upstream], choices: Choices
) -> Way:
    match, action = route["match"], route.get("route", {})
    settings = route.get("typed_per_filter_config", {})
    stated = int(str(action.get("timeout", "0s")).removesuffix("s"))
    check = settings.get(EXT_AUTHZ, {}).get("check_settings", {})
    return Way(
        name=name,
        hosts=hosts,
        exact=match.get("path", ""),
        prefix=match.get("prefix", ""),
        headers={one["name"]: one["string_match"]["exact"] for one in match.get("headers", [])},
        grpc="grpc" in match,
        upstream=named.get(action.get("cluster", "")),
        rewrite=action.get("prefix_rewrite", ""),
        seconds=stated or choices.stream_seconds,
        context=check.get("context_extensions", {}),
        settings=settings,
    )
