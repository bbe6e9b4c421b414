"""What a way through Envoy says of the filter."""

from typing import Any

from authz.render.doctor.reading import Manager
from authz.render.doctor.routes import clusters_of, routed

NAME = "ext_authz"
PER_ROUTE = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute"


def _manager(host: dict[str, Any], *routes: dict[str, Any]) -> Manager:
    tree = {"virtual_hosts": [{"name": "all", **host, "routes": list(routes)}]}
    return Manager(place="listener `x`", listener="x", tree={}, routes=tree)


def _says(**settings: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    return {"typed_per_filter_config": {NAME: {"@type": PER_ROUTE, **settings}}}


def test_the_most_specific_word_counts() -> None:
    """As Envoy has it: a route overrules its host."""
    on = {"check_settings": {"context_extensions": {"app": "crm"}}}
    manager = _manager(_says(disabled=True), {"route": {"cluster": "a"}}, {"name": "b", **_says(**on)})

    first, second = routed(manager, NAME)

    assert (first.disabled, first.place) == (True, "listener `x`, route `number 1 of `all``")
    assert (second.disabled, second.context) == (False, {"app": "crm"})


def test_a_filter_is_switched_by_its_wrapper_too() -> None:
    """Envoy Gateway writes it so."""
    kind = "type.googleapis.com/envoy.config.route.v3.FilterConfig"
    off = {"typed_per_filter_config": {NAME: {"@type": kind, "disabled": True}}}
    on = {"typed_per_filter_config": {NAME: {"@type": kind, "config": {"@type": PER_ROUTE}}}}

    assert [one.disabled for one in routed(_manager({}, off, on, {}), NAME)] == [True, False, None]


def test_each_weighted_cluster_is_a_way_of_its_own() -> None:
    """One of them may be open."""
    action = {"weighted_clusters": {"clusters": [{"name": "a"}, {"name": "b", **_says(disabled=True)}]}}
    manager = _manager({}, {"name": "split", "route": action})

    assert [one.disabled for one in routed(manager, NAME)] == [None, True]
    assert clusters_of(action) == ["a", "b"]
