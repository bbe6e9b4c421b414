"""The complete configuration, held to its promises and to Envoy itself."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from envoy_data_plane.envoy.config.bootstrap.v3 import Bootstrap

from authz.core.app import Access, App, Match, Tool
from authz.core.definitions import Definitions
from authz.render import Choices, static_bootstrap, unreachable_by_path, upstreams_of, watched_files
from authz.render.bootstrap import TYPED
from tests.wire.shipping import descriptor_set

ENVOY = Path(sys.executable).parent / "envoy"


def _rest(name: str, path: str, url: str = "http://127.0.0.1:1", **more: Any) -> App:  # noqa: ANN401 - any field
    tool = Tool(app=name, name="x", access=Access.READ, match=Match(method="GET", path=path))
    return App(name=name, protocol="rest", url=url, tools={"x": tool}, **more)


def _grpc(name: str, descriptors: bytes | None) -> App:
    methods = ("GetShipment", "Track")
    tools = {
        one: Tool(app=name, name=one, access=Access.READ, match=Match(method=f"/shipping.v1.Shipping/{one}"))
        for one in methods
    }
    return App(name=name, protocol="grpc", url="http://127.0.0.1:3", tools=tools, descriptors=descriptors)


APPS = Definitions(
    apps={
        one.name: one
        for one in (
            App(name="crm", protocol="mcp", url="http://127.0.0.1:2/mcp", hosts=frozenset({"crm.internal"})),
            App(name="far", protocol="mcp", url="https://mcp.example.com/v1/mcp"),
            _rest("billing", "/v1/accounts/{account}", hosts=frozenset({"billing.internal"})),
            _grpc("shipping", descriptor_set()),
            App(name="nowhere", protocol="mcp"),
        )
    }
)
CHOICES = Choices(authorizer="127.0.0.1:9191", otlp="collector.example.com:4317")


def _routes(tree: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - a tree of YAML
    manager = tree["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    return [route for host in manager["route_config"]["virtual_hosts"] for route in host["routes"]]


def _types(tree: object) -> Iterator[str]:
    if isinstance(tree, dict):
        if "@type" in tree:
            yield str(tree["@type"])
        for inner in tree.values():
            yield from _types(inner)
    elif isinstance(tree, list):
        for inner in tree:
            yield from _types(inner)


def _context(route: dict[str, Any]) -> dict[str, str]:
    settings = route["typed_per_filter_config"]["envoy.filters.http.ext_authz"]["check_settings"]
    found: dict[str, str] = settings["context_extensions"]
    return found


@pytest.fixture(scope="module")
def tree() -> dict[str, Any]:
    """One file for all the apps."""
    return static_bootstrap(upstreams_of(APPS)[0], CHOICES)


def test_envoy_accepts_it(tree: dict[str, Any], tmp_path: Path) -> None:
    """`envoy --mode validate` has the last word."""
    file = tmp_path / "envoy.yaml"
    file.write_text(yaml.safe_dump(tree))

    done = subprocess.run(
        [ENVOY, "--mode", "validate", "-c", file, "--use-dynamic-base-id"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr


def test_envoy_accepts_the_files_that_it_watches(tmp_path: Path) -> None:
    """So that a new app needs no restart."""
    for name, content in watched_files(upstreams_of(APPS)[0], CHOICES, str(tmp_path)).items():
        (tmp_path / name).write_text(yaml.safe_dump(content))

    done = subprocess.run(
        [ENVOY, "--mode", "validate", "-c", tmp_path / "envoy.yaml", "--use-dynamic-base-id"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr


def test_it_fails_closed(tree: dict[str, Any]) -> None:
    """No answer is a refusal, and nothing may be switched off."""
    manager = tree["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    judge = manager["http_filters"][0]["typed_config"]

    assert manager["http_filters"][0]["name"] == "envoy.filters.http.ext_authz"
    assert manager["http_filters"][-1]["name"] == "envoy.filters.http.router"
    assert judge["failure_mode_allow"] is False
    assert judge["with_request_body"] == {
        "max_request_bytes": CHOICES.max_request_bytes,
        "allow_partial_message": False,
        "pack_as_bytes": True,
    }
    assert judge["encode_raw_headers"] is judge["validate_mutations"] is True
    assert judge["deny_at_disable"]["default_value"] is True


def test_every_route_is_judged_and_names_its_app_or_leads_nowhere(tree: dict[str, Any]) -> None:
    """Where no route matches, Envoy skips its filters."""
    for route in _routes(tree):
        assert "'disabled': True" not in str(route)
        if "direct_response" in route:
            assert route["direct_response"] == {"status": 404}
        elif route["name"].startswith("virtual-"):
            assert _context(route)["endpoint"] == "virtual"
        else:
            assert _context(route)["app"] == route["route"]["cluster"]
    hosts = tree["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    for host in hosts["route_config"]["virtual_hosts"]:
        assert host["routes"][-1]["match"] == {"prefix": "/"}


def test_the_body_limit_of_a_route_is_told_to_the_authorizer(tree: dict[str, Any]) -> None:
    """It refuses a body that reaches it."""
    shown = [_context(one) for one in _routes(tree) if "route" in one and "body" not in _context(one)]

    assert {one["max_request_bytes"] for one in shown} == {str(CHOICES.max_request_bytes)}


def test_what_is_judged_once_ends(tree: dict[str, Any]) -> None:
    """So that its re-opening is a new decision."""
    streams = [one for one in _routes(tree) if one["name"].endswith(("-stream", "-listen"))]

    assert {one["name"] for one in streams} == {
        "crm-stream", "crm-listen", "far-stream", "far-listen", "shipping-stream",
    }  # fmt: skip
    assert all(one["route"]["max_stream_duration"] == {"max_stream_duration": "300s"} for one in streams)


def test_a_stream_of_requests_is_not_waited_for() -> None:
    """Its body never ends; without descriptors any method may be one."""
    told = _routes(static_bootstrap(upstreams_of(APPS)[0], CHOICES))
    (track,) = [one for one in told if one["name"] == "shipping-stream"]
    untold = _routes(static_bootstrap(upstreams_of(Definitions(apps={"s": _grpc("s", None)}))[0], CHOICES))

    assert track["match"]["path"] == "/shipping.v1.Shipping/Track"
    assert _context(track)["body"] == "none"
    assert [_context(one)["body"] for one in untold if "route" in one] == ["none"]


def test_apps_whose_paths_overlap_are_told_apart_by_host_only() -> None:
    """Nothing is guessed."""
    apps = {one.name: one for one in (_rest("a", "/v1/x/{id}"), _rest("b", "/v1/{id}"), _rest("c", "/c"))}

    assert unreachable_by_path(upstreams_of(Definitions(apps=apps))[0]) == ["a", "b"]


def test_an_app_without_an_address_is_told() -> None:
    """It cannot be reached."""
    apps = {**APPS.apps, "odd": App(name="odd", protocol="mcp", url="http://127.0.0.1:99999")}

    assert upstreams_of(Definitions(apps=apps))[1] == ["nowhere", "odd"]


def test_every_type_is_one_that_is_checked(tree: dict[str, Any]) -> None:
    """A type that was not imported would be read by Envoy first."""
    known = {type(one()).__name__ for one in TYPED} | {"ExtAuthzPerRoute", "LuaPerRoute"}

    assert {one.rpartition(".")[2] for one in _types(tree)} <= known


def test_a_field_that_envoy_does_not_know_is_an_error() -> None:
    """Before Envoy sees it."""
    with pytest.raises(KeyError):
        Bootstrap.from_dict({"static_resources": {"clusters": [{"nome": "x"}]}})


def test_only_the_metadata_of_the_resource_is_told_to_anyone() -> None:
    """RFC 9728: a client without a credential must be able to read it."""
    choices = Choices(
        resource="https://gateway.example.com/mcp", authorization_servers=("https://idp.example.com",)
    )
    routes = _routes(static_bootstrap(upstreams_of(APPS)[0], choices))

    assert [one["name"] for one in routes if "'disabled': True" in str(one)] == ["protected-resource"]
