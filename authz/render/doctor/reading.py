"""Envoy's `/config_dump`, a bootstrap or discovery files: all to the same parts. Judges nothing.

Envoy writes what is false or zero by leaving it out, meshes write `camelCase` and wrap types in
`TypedStruct`: whoever reads the parts sees none of it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Tree: TypeAlias = Mapping[str, Any]

_CAMEL = re.compile(r"[a-z0-9]+(?:[A-Z][a-z0-9]*)+")
_HUMP = re.compile(r"(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manager:
    """One HTTP connection manager."""

    place: str
    listener: str
    tree: Tree
    routes: Tree | None
    """The route configuration; None where it is not among what was read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An Envoy's configuration, as far as it was read."""

    managers: Sequence[Manager] = ()
    tunnels: Sequence[tuple[str, str]] = ()
    """Place and cluster of each TCP proxy."""
    clusters: Mapping[str, Tree] = field(default_factory=dict)
    endpoints: Mapping[str, Tree] = field(default_factory=dict)
    """Endpoints that were discovered, by cluster."""
    admin: Tree | None = None
    """Address of the admin interface."""


def read(documents: Sequence[object]) -> Seen:
    """The parts in `documents`, each a dump, a bootstrap or a discovery file."""
    plain = [_plain(one) for one in documents]
    listeners: list[Tree] = []
    routes: dict[str, Tree] = {}
    clusters: dict[str, Tree] = {}
    endpoints: dict[str, Tree] = {}
    admin: Tree | None = None
    for one in plain:
        for tree in _resources(one):
            if "admin" in tree or "static_resources" in tree:
                admin = child(child(tree, "admin"), "address") or admin
            kind = _kind(tree)
            if kind == "listener":
                listeners.append(tree)
            elif kind == "routes":
                routes[str(tree.get("name", ""))] = tree
            elif kind == "cluster":
                clusters[str(tree.get("name", ""))] = tree
            elif kind == "endpoints":
                endpoints[str(tree.get("cluster_name", ""))] = tree
    return Seen(
        managers=[one for listener in listeners for one in _managers(listener, routes)],
        tunnels=[one for listener in listeners for one in _tunnels(listener)],
        clusters=clusters,
        endpoints=endpoints,
        admin=admin,
    )


def child(tree: Tree, name: str) -> Tree:
    """A mapping below `tree`; an empty one where there is none."""
    found = tree.get(name)
    return found if isinstance(found, Mapping) else {}


def children(tree: Tree, name: str) -> list[Tree]:
    """The mappings in a list below `tree`."""
    found = tree.get(name)
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def typed(tree: Tree, name: str) -> bool:
    """Whether `tree` is of the type called `name`, of any version."""
    return str(tree.get("@type", "")).rpartition(".")[2] == name


def _plain(tree: object) -> Any:  # noqa: ANN401 - a tree of YAML
    """With Envoy's own names, and typed structs as the type that they carry."""
    if isinstance(tree, Mapping):
        if str(tree.get("@type", "")).endswith(".TypedStruct"):
            kind = tree.get("type_url", tree.get("typeUrl", ""))
            value = tree.get("value")
            return _plain({"@type": kind, **(value if isinstance(value, Mapping) else {})})
        return {_snake(str(key)): _plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_plain(one) for one in tree]
    return tree


def _snake(name: str) -> str:
    if not _CAMEL.fullmatch(name):
        return name
    return "_".join(part.lower() for part in _HUMP.split(name))


def _resources(document: object) -> Iterator[Tree]:
    """Everything in a document that has a kind."""
    if not isinstance(document, Mapping):
        return
    yield document
    static = child(document, "static_resources")
    for name in ("listeners", "clusters"):
        yield from children(static, name)
    yield from children(document, "resources")
    for section in children(document, "configs"):
        # The bootstrap's own listeners and clusters stand in the other sections.
        if "bootstrap" in section:
            yield {"admin": child(section, "bootstrap").get("admin")}
            continue
        for entry in (one for values in section.values() if isinstance(values, list) for one in values):
            if isinstance(entry, Mapping):
                yield from _inner(entry)


def _inner(entry: Tree) -> Iterator[Tree]:
    """What an entry of a dump holds; of a listener that is being replaced, the one that serves."""
    state = child(entry, "active_state") or child(entry, "warming_state") or entry
    for name in ("listener", "cluster", "route_config", "endpoint_config"):
        if isinstance(state.get(name), Mapping):
            yield state[name]


def _kind(tree: Tree) -> str:
    if "filter_chains" in tree or "default_filter_chain" in tree:
        return "listener"
    if "virtual_hosts" in tree:
        return "routes"
    if "cluster_name" in tree:
        return "endpoints"
    if "name" in tree and ("type" in tree or "load_assignment" in tree or "cluster_type" in tree):
        return "cluster"
    return ""


def _network_filters(listener: Tree) -> Iterator[Tree]:
    chains = [*children(listener, "filter_chains"), child(listener, "default_filter_chain")]
    for chain in chains:
        for one in children(chain, "filters"):
            yield child(one, "typed_config")


def _managers(listener: Tree, routes: Mapping[str, Tree]) -> Iterator[Manager]:
    name = str(listener.get("name", "without a name"))
    for tree in _network_filters(listener):
        if typed(tree, "HttpConnectionManager"):
            wanted = child(tree, "rds").get("route_config_name")
            found = tree.get("route_config") if wanted is None else routes.get(str(wanted))
            yield Manager(place=f"listener `{name}`", listener=name, tree=tree, routes=found)


def _tunnels(listener: Tree) -> Iterator[tuple[str, str]]:
    for tree in _network_filters(listener):
        if typed(tree, "TcpProxy"):
            yield f"listener `{listener.get('name', '')}`", str(tree.get("cluster", "several clusters"))
