"""Istio's manifests, piece by piece; tests/contracts/test_istio.py runs them."""

from authz.core.app import App
from authz.core.definitions import Definitions
from authz.render import Choices, upstreams_of
from authz.render.mesh import Names, Place, authorizer, istio

APPS = Definitions(
    apps={"crm": App(name="crm", protocol="mcp", url="http://crm.apps:80/mcp", hosts=frozenset({"crm.x"}))}
)
NAMES = Names()


def test_only_the_gateway_may_ask_the_authorizer() -> None:
    """Whoever can ask it learns what would pass."""
    encrypted, allowed, loopback = authorizer(NAMES)

    assert encrypted["spec"]["mtls"] == {"mode": "STRICT"}
    (rule,) = allowed["spec"]["rules"]
    assert rule["from"] == [{"source": {"principals": ["cluster.local/ns/agents/sa/agents-istio"]}}]
    assert {one["defaultEndpoint"] for one in loopback["spec"]["ingress"]} == {
        "127.0.0.1:9191",
        "127.0.0.1:9192",
    }


def test_each_route_of_a_virtual_service_names_its_app_to_the_authorizer() -> None:
    """The names of routes join the two manifests."""
    upstreams, _ = upstreams_of(APPS)
    *_, service, told = istio(upstreams, Choices(), NAMES, Place.GATEWAY)

    routed = {one["name"] for one in service["spec"]["http"] if "route" in one}
    patched = {
        one["match"]["routeConfiguration"]["vhost"]["route"]["name"] for one in told["spec"]["configPatches"]
    }
    assert routed <= patched
    assert all(one["timeout"] == "300s" for one in service["spec"]["http"] if "route" in one)


def test_a_sidecar_takes_the_word_of_the_mesh_on_who_calls() -> None:
    """Its peer is a proxy that has proven itself; at the edge nobody has."""
    upstreams, _ = upstreams_of(APPS)
    merged = {
        place: next(one for one in istio(upstreams, Choices(), NAMES, place) if one["kind"] == "EnvoyFilter")
        for place in Place
    }
    edge = {
        place: "use_remote_address" in one["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]
        for place, one in merged.items()
    }

    assert edge == {Place.GATEWAY: True, Place.SIDECAR: False, Place.WAYPOINT: False}
