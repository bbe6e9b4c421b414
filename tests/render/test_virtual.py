"""The virtual endpoint in Envoy."""

from authz.core.app import App
from authz.render import Choices
from authz.render.upstream import upstream_of
from authz.render.virtual import CHOSEN, FORGOTTEN, SOURCE, virtual_routes

CRM = upstream_of(App(name="crm", protocol="mcp", url="http://127.0.0.1:1/mcp"))
BILLING = upstream_of(App(name="billing", protocol="rest", url="http://127.0.0.1:2"))


def test_all_its_routes_are_judged_alike() -> None:
    """So that choosing a route again after the judgement changes nothing about it."""
    assert CRM is not None
    routes = virtual_routes([CRM], Choices())

    assert len({str(one["typed_per_filter_config"]) for one in routes}) == 1
    assert [one["name"] for one in routes] == ["virtual-crm", "virtual"]


def test_only_apps_that_speak_mcp_stand_behind_it() -> None:
    """Nothing translates for the others; without any there is no endpoint."""
    assert BILLING is not None
    assert virtual_routes([BILLING], Choices()) == []


def test_the_header_that_chooses_the_app_is_never_a_clients() -> None:
    """It is taken away before any route is chosen, and does not reach the app."""
    assert CRM is not None
    (first, _) = virtual_routes([CRM], Choices())

    assert FORGOTTEN["typed_config"]["mutations"] == [{"remove": CHOSEN}]
    assert first["request_headers_to_remove"] == [CHOSEN]
    assert f'headers:replace("{CHOSEN}", rewrite["app"])' in SOURCE
