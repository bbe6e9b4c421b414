"""Where an app is."""

import pytest

from authz.core.app import App
from authz.render.upstream import cluster, own_cluster, upstream_of


def _app(url: str) -> App:
    return App(name="crm", protocol="mcp", url=url)


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("http://127.0.0.1:8203/mcp", ("127.0.0.1", 8203, "/mcp", False)),
        ("https://a.example", ("a.example", 443, "/", True)),
        ("http://[::1]", ("::1", 80, "/", False)),
    ],
)
def test_an_address_is_read_from_the_definition(url: str, where: tuple[str, int, str, bool]) -> None:
    """The operator's word."""
    found = upstream_of(_app(url))

    assert found is not None
    assert (found.host, found.port, found.path, found.tls) == where


@pytest.mark.parametrize("url", ["", "ftp://a", "http://", "a.example:80", "http://a:x"])
def test_an_address_that_cannot_be_connected_to_is_none(url: str) -> None:
    """The app is left out, and its name told."""
    assert upstream_of(_app(url)) is None


def test_https_is_verified_against_the_name_in_the_address() -> None:
    """Any certificate of a known authority would do otherwise."""
    found = upstream_of(_app("https://a.example/mcp"))

    assert found is not None
    made = cluster(found)
    context = made["transport_socket"]["typed_config"]
    trusted = context["common_tls_context"]["validation_context"]
    assert (made["type"], context["sni"]) == ("STRICT_DNS", "a.example")
    assert trusted["match_typed_subject_alt_names"][0]["matcher"] == {"exact": "a.example"}


def test_the_authorizer_is_reached_by_a_socket_or_an_address() -> None:
    """In HTTP/2 either way."""
    by_socket = own_cluster("authz", "unix:/run/a.sock")["load_assignment"]["endpoints"][0]["lb_endpoints"][0]
    by_address = own_cluster("authz", "127.0.0.1:9191")["load_assignment"]["endpoints"][0]["lb_endpoints"][0]

    assert by_socket["endpoint"]["address"] == {"pipe": {"path": "/run/a.sock"}}
    assert by_address["endpoint"]["address"]["socket_address"]["port_value"] == 9191
    with pytest.raises(ValueError, match="HOST:PORT"):
        own_cluster("authz", "nowhere")
