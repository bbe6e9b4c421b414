"""Whatever form Envoy's configuration has, the same parts are read."""

from typing import Any

from authz.render.doctor.reading import read

TYPE = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTES: dict[str, Any] = {"name": "apps", "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": []}]}
ODD: tuple[object, ...] = (
    None, "text", 7, [], {}, {"configs": "x"}, {"resources": [1]}, {"configs": [{"a": [1, {}]}]},
)  # fmt: skip
CLUSTER = {"name": "authorizer", "load_assignment": {"cluster_name": "authorizer"}}


def _listener(**manager: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    filters = [{"name": "hcm", "typed_config": {"@type": TYPE, **manager}}]
    return {"name": "agents", "filter_chains": [{"filters": filters}]}


def test_a_bootstrap_and_a_dump_give_the_same_parts() -> None:
    """What is said before Envoy starts is said of the running one too."""
    listener = _listener(route_config=ROUTES)
    bootstrap = {"static_resources": {"listeners": [listener], "clusters": [CLUSTER]}}
    dump = {
        "configs": [
            {"bootstrap": bootstrap},
            {"static_clusters": [{"cluster": CLUSTER}]},
            {"static_listeners": [{"listener": listener}]},
        ]
    }

    assert read([bootstrap]) == read([dump])
    assert read([dump]).managers[0].routes == ROUTES


def test_routes_that_come_from_elsewhere_are_found_by_name() -> None:
    """In the files that Envoy watches, and in a dump of what it was sent."""
    listener = _listener(rds={"route_config_name": "apps"})
    files = [{"resources": [listener]}, {"resources": [ROUTES]}]
    dump = {
        "configs": [
            {"dynamic_listeners": [{"name": "agents", "active_state": {"listener": listener}}]},
            {"dynamic_route_configs": [{"route_config": ROUTES}]},
        ]
    }

    assert read(files).managers[0].routes == ROUTES
    assert read([dump]).managers[0].routes == ROUTES
    assert read(files[:1]).managers[0].routes is None


def test_the_listener_that_serves_is_read_not_the_one_that_drains() -> None:
    """While it is replaced both stand in a dump."""
    states = {
        "active_state": {"listener": _listener(stat_prefix="new")},
        "draining_state": {"listener": _listener(stat_prefix="old")},
    }

    (manager,) = read([{"configs": [{"dynamic_listeners": [states]}]}]).managers

    assert manager.tree["stat_prefix"] == "new"


def test_names_and_types_as_meshes_write_them_are_envoys_own() -> None:
    """Istio writes camelCase, and wraps what it patches."""
    wrapped = {
        "@type": "type.googleapis.com/udpa.type.v1.TypedStruct",
        "typeUrl": TYPE,
        "value": {"useRemoteAddress": True, "http_filters": [{"typedConfig": {"encodeRawHeaders": True}}]},
    }
    listener = {"name": "x", "filterChains": [{"filters": [{"typedConfig": wrapped}]}]}

    (manager,) = read([{"resources": [listener]}]).managers

    assert manager.tree["use_remote_address"] is True
    assert manager.tree["http_filters"] == [{"typed_config": {"encode_raw_headers": True}}]


def test_the_default_filter_chain_is_read_too() -> None:
    """It serves whatever no other chain matches."""
    listener = _listener()
    listener["default_filter_chain"] = listener.pop("filter_chains")[0]

    assert len(read([{"resources": [listener]}]).managers) == 1


def test_what_is_no_configuration_has_no_parts() -> None:
    """Any document can be handed over."""
    for odd in ODD:
        assert read([odd]).managers == []
