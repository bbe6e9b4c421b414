"""Each route with what it says of the ext_authz filter, most specific last. Judges nothing."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from authz.render.doctor.reading import Manager, Tree, child, children, typed


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """One way through a connection manager."""

    place: str
    action: Tree
    """`route` of the route; empty for an answer or a redirect, which reach no app."""
    said: Sequence[Tree]
    """What the configuration, the host, the route and the cluster say of the filter, where they do."""

    @property
    def disabled(self) -> bool | None:
        """Whether the filter is off here; None where nothing is said."""
        found: bool | None = None
        for one in self.said:
            inner = _inner(one)
            found = bool(one.get("disabled") or inner.get("disabled"))
        return found

    @property
    def body_unseen(self) -> bool:
        """Whether no body is shown here."""
        return any(
            child(_inner(one), "check_settings").get("disable_request_body_buffering") for one in self.said
        )

    @property
    def context(self) -> dict[str, str]:
        """What the authorizer is told of the route."""
        merged: dict[str, str] = {}
        for one in self.said:
            found = child(child(_inner(one), "check_settings"), "context_extensions")
            merged.update({str(key): str(value) for key, value in found.items()})
        return merged


def routed(manager: Manager, name: str) -> Iterator[Routed]:
    """Every way, with what is said of the filter called `name`."""
    configuration = manager.routes or {}
    for host in children(configuration, "virtual_hosts"):
        above = [configuration, host]
        for number, route in enumerate(children(host, "routes")):
            called = route.get("name") or f"number {number + 1} of `{host.get('name', '')}`"
            place = f"{manager.place}, route `{called}`"
            action = child(route, "route")
            weighted = children(child(action, "weighted_clusters"), "clusters")
            for way in weighted or [{}]:
                said = [_of(level, name) for level in (*above, route, way)]
                yield Routed(place=place, action=action, said=[one for one in said if one])


def clusters_of(action: Tree) -> list[str]:
    """The clusters that an action names."""
    weighted = children(child(action, "weighted_clusters"), "clusters")
    return [str(one.get("name", "")) for one in weighted] or [str(action.get("cluster", ""))]


def _of(level: Tree, name: str) -> Tree:
    return child(child(level, "typed_per_filter_config"), name)


def _inner(said: Tree) -> Tree:
    return child(said, "config") if typed(said, "FilterConfig") else said
