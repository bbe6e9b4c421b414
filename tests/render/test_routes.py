"""Routes of apps."""

from authz.core.app import Access, App, Match, Tool
from authz.render import Choices
from authz.render.routes import prefixes, route_configuration
from authz.render.upstream import upstream_of


def _app(*paths: str) -> App:
    tools = {
        path: Tool(app="billing", name=path, access=Access.READ, match=Match(method="GET", path=path))
        for path in paths
    }
    return App(name="billing", protocol="rest", url="http://127.0.0.1:1", tools=tools)


def test_rest_is_routed_by_what_its_templates_have_in_common() -> None:
    """The part before the first parameter, none within another."""
    assert prefixes(_app("/v1/a/{x}/b", "/v1/a/{x}", "/v1/b", "/v1/a/c")) == ["/v1/a/", "/v1/b"]


def test_mcp_is_at_its_name_everywhere_and_at_its_own_path_on_its_host() -> None:
    """One gateway address serves all; a host of its own looks like the app."""
    app = App(name="crm", protocol="mcp", url="http://127.0.0.1:1/mcp", hosts=frozenset({"crm.internal"}))
    upstream = upstream_of(app)
    assert upstream is not None
    by_host, everywhere = route_configuration([upstream], Choices(virtual_path=""))["virtual_hosts"]

    assert {one["match"]["path"] for one in everywhere["routes"][:-1]} == {"/crm/mcp"}
    assert {one["route"]["prefix_rewrite"] for one in everywhere["routes"][:-1]} == {"/mcp"}
    assert (by_host["domains"], by_host["routes"][0]["match"]["path"]) == (
        ["crm.internal", "crm.internal:*"],
        "/mcp",
    )
