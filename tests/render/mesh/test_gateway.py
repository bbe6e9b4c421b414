"""Envoy Gateway's manifests."""

from authz.core.app import App
from authz.core.definitions import Definitions
from authz.render import Choices, upstreams_of
from authz.render.mesh import Names, envoy_gateway

APPS = Definitions(apps={"crm": App(name="crm", protocol="mcp", url="http://crm.apps:80/mcp")})


def test_a_route_without_a_policy_of_its_own_is_judged_by_that_of_the_gateway() -> None:
    """Envoy Gateway leaves the filter off wherever no policy is."""
    made = envoy_gateway(upstreams_of(APPS)[0], Choices(), Names())
    policies = [one for one in made if one["kind"] == "SecurityPolicy"]
    targets = {(one["kind"], one["name"]) for policy in policies for one in policy["spec"]["targetRefs"]}
    routes = {("HTTPRoute", one["metadata"]["name"]) for one in made if one["kind"] == "HTTPRoute"}

    assert targets == routes | {("Gateway", "agents")}
    assert all(one["spec"]["extAuth"]["failOpen"] is False for one in policies)
    assert all(one["spec"]["extAuth"]["timeout"] == "500ms" for one in policies)
