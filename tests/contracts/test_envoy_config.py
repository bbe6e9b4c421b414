"""The Envoy configuration that an operator copies: Envoy accepts it, and it fails closed."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from scripts.demo_story.envoy import adapted, pipe, tcp, traced
from tests.contracts.envoy_process import ROOT, config, envoy, free_port, validate

FILES = ("envoy.yaml", "compose.yaml")
EXT_AUTHZ = "envoy.filters.http.ext_authz"


def manager(document: dict[str, Any]) -> dict[str, Any]:
    """The connection manager of the one listener."""
    (listener,) = document["static_resources"]["listeners"]
    (chain,) = listener["filter_chains"]
    (network_filter,) = chain["filters"]
    found: dict[str, Any] = network_filter["typed_config"]
    return found


def authz(document: dict[str, Any]) -> dict[str, Any]:
    """The settings of the ext_authz filter."""
    found: dict[str, Any] = manager(document)["http_filters"][0]["typed_config"]
    return found


def routes(document: dict[str, Any]) -> list[dict[str, Any]]:
    """All routes, in order."""
    (host,) = manager(document)["route_config"]["virtual_hosts"]
    assert host["domains"] == ["*"]
    found: list[dict[str, Any]] = host["routes"]
    return found


def extensions(route: dict[str, Any]) -> dict[str, str]:
    """What a route tells the authorizer about itself."""
    settings = route.get("typed_per_filter_config", {}).get(EXT_AUTHZ, {"check_settings": {}})[
        "check_settings"
    ]
    found: dict[str, str] = settings.get("context_extensions", {})
    return found


def address(document: dict[str, Any], name: str) -> dict[str, Any]:
    """Where a cluster is."""
    (cluster,) = [one for one in document["static_resources"]["clusters"] if one["name"] == name]
    endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    found: dict[str, Any] = endpoint["address"]
    return found


@pytest.fixture(params=FILES)
def document(request: pytest.FixtureRequest) -> dict[str, Any]:
    """Each configuration in turn."""
    return config(request.param)


@pytest.mark.parametrize("name", FILES)
def test_envoy_accepts_it(name: str) -> None:
    """A field that Envoy does not know would be found by the operator, at night."""
    done = validate(ROOT / "envoy" / name)

    assert done.returncode == 0, done.stderr


def test_envoy_accepts_it_with_tracing(tmp_path: Path) -> None:
    """The parts of tracing.yaml fit where its comment says that they belong."""
    document = traced(config("envoy.yaml"), config("tracing.yaml"), tcp("127.0.0.1", 4317))
    (tmp_path / "envoy.yaml").write_text(yaml.safe_dump(document))
    done = validate(tmp_path / "envoy.yaml")

    assert done.returncode == 0, done.stderr
    assert manager(document)["tracing"]["provider"]["name"] == "envoy.tracers.opentelemetry"


def test_an_authorizer_that_does_not_answer_is_a_refusal(document: dict[str, Any]) -> None:
    """Everything else here rests on this: no answer is never a pass, and is told apart from a denial."""
    settings = authz(document)

    assert settings["failure_mode_allow"] is False
    assert settings["failure_mode_allow_header_add"] is False
    assert settings["status_on_error"] == {"code": "ServiceUnavailable"}
    assert settings["deny_at_disable"]["default_value"] is True
    assert settings["transport_api_version"] == "V3"
    assert settings["grpc_service"]["timeout"] == "0.5s"
    assert "filter_enabled" not in settings
    assert "shadow_mode" not in settings


def test_the_authorizer_judges_the_bytes_that_came(document: dict[str, Any]) -> None:
    """A body cut short or mended on the way to the authorizer is not the one that the app gets."""
    settings = authz(document)

    assert settings["with_request_body"]["allow_partial_message"] is False
    assert settings["with_request_body"]["pack_as_bytes"] is True
    assert settings["encode_raw_headers"] is True
    assert settings["clear_route_cache"] is False


def test_the_authorizer_may_add_an_identity_and_nothing_else(document: dict[str, Any]) -> None:
    """A fault there must not be able to rewrite a request into one that was never judged."""
    rules = authz(document)["decoder_header_mutation_rules"]
    allowed = re.compile(rules["allow_expression"]["regex"])

    assert authz(document)["validate_mutations"] is True
    assert rules["disallow_all"] == {"value": True}
    assert rules["disallow_is_error"] == {"value": True}
    own = ("x-persona-agent", "x-persona-user", "x-persona-name", "x-persona-decision", "x-persona-assertion")
    assert all(allowed.fullmatch(name) for name in (*own, "authorization", "x-agent-access-key"))
    others = (
        ":path",
        ":method",
        ":authority",
        "host",
        "cookie",
        "x-forwarded-for",
        "mcp-name",
        "content-length",
    )
    assert not any(allowed.search(name) for name in others)


def test_a_request_has_one_spelling(document: dict[str, Any]) -> None:
    """Where Envoy and an app could read a path or an identity differently, Envoy decides first."""
    settings = manager(document)

    assert settings["use_remote_address"] is True
    assert settings["internal_address_config"] == {"unix_sockets": False}
    assert settings["normalize_path"] is True
    assert settings["merge_slashes"] is True
    assert settings["path_with_escaped_slashes_action"] == "REJECT_REQUEST"
    assert settings["common_http_protocol_options"]["headers_with_underscores_action"] == "REJECT_REQUEST"
    assert settings["forward_client_cert_details"] == "SANITIZE_SET"
    assert settings["strip_any_host_port"] is True
    assert settings["preserve_external_request_id"] is False


def test_ext_authz_comes_first_and_what_follows_reads_answers_only(document: dict[str, Any]) -> None:
    """A filter behind it could change what was judged: those before the router have no request rules."""
    first, *between, last = manager(document)["http_filters"]

    assert (first["name"], last["name"]) == (EXT_AUTHZ, "envoy.filters.http.router")
    assert [one["name"] for one in between] == [
        "envoy.filters.http.json_to_metadata",
        "envoy.filters.http.sse_to_metadata",
    ]
    for one in between:
        assert set(one["typed_config"]) == {"@type", "response_rules"}


def test_every_request_meets_the_filter(document: dict[str, Any]) -> None:
    """Envoy skips its filters where no route matches, so the last route matches all; none switches it off."""
    last = routes(document)[-1]

    assert last["match"] == {"prefix": "/"}
    assert last["direct_response"] == {"status": 404}
    for route in routes(document):
        settings = route.get("typed_per_filter_config", {}).get(EXT_AUTHZ, {})
        assert set(settings) <= {"@type", "check_settings"}
        assert set(settings.get("check_settings", {})) <= {"context_extensions"}


def test_every_route_to_an_app_names_it_and_the_limit_of_its_bodies(document: dict[str, Any]) -> None:
    """The authorizer trusts the route, not the client, to say which app this is and how much it was shown."""
    limit = str(authz(document)["with_request_body"]["max_request_bytes"])
    for route in routes(document)[:-1]:
        cluster = route["route"]["cluster"]
        assert extensions(route) == {"app": cluster, "max_request_bytes": limit}


def test_an_event_stream_ends_so_that_a_revoked_key_cannot_listen_for_ever(document: dict[str, Any]) -> None:
    """ext_authz judges a stream when it begins, and never again."""
    streams = [route for route in routes(document) if route["name"].endswith("-stream")]

    assert [route["match"]["path"] for route in streams] == ["/tickets/mcp", "/crm/mcp"]
    for route in streams:
        assert route["match"]["headers"] == [{"name": ":method", "string_match": {"exact": "GET"}}]
        assert route["route"]["max_stream_duration"] == {"max_stream_duration": "300s"}


def test_a_whole_list_of_tools_fits_into_a_refusal(document: dict[str, Any]) -> None:
    """The authorizer answers tools/list itself; cut short it would be no JSON."""
    assert authz(document)["max_denied_response_body_bytes"] >= 1 << 20


def test_rest_and_grpc_paths_are_not_rewritten(document: dict[str, Any]) -> None:
    """REST and gRPC are decided by their path: the one judged must be the one that the app gets."""
    for route in routes(document)[:-1]:
        rewritten = any("rewrite" in name for name in route["route"])
        assert rewritten == (route["match"].get("path", "").endswith("/mcp"))


def test_the_apps_of_the_definitions_are_where_envoy_sends_their_calls() -> None:
    """Two files name the same ports; an operator changes both or neither."""
    document = config("envoy.yaml")
    definitions = [
        one
        for one in yaml.safe_load_all((ROOT / "personas" / "apps.yaml").read_text())
        if one["kind"] == "App"
    ]
    for app in definitions:
        where = address(document, app["metadata"]["name"])["socket_address"]
        assert app["upstream"]["url"].startswith(f"http://{where['address']}:{where['port_value']}")
    clusters = {route["route"]["cluster"] for route in routes(document)[:-1]}
    assert {app["metadata"]["name"] for app in definitions} == clusters


def test_the_configuration_for_containers_is_made_from_the_one_that_is_read() -> None:
    """Two configurations kept alike by hand do not stay alike."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "gen_envoy", "--check"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def without_authorizer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a real Envoy whose authorizer is not there."""
    folder = tmp_path_factory.mktemp("envoy")
    port = free_port()
    nobody = pipe(str(folder / "nobody.sock"))
    document = adapted(config("envoy.yaml"), tcp("127.0.0.1", port), {"authorizer": nobody})
    with envoy(document, folder), httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        yield client


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/tickets/mcp"),
        ("GET", "/tickets/mcp"),
        ("POST", "/crm/mcp"),
        ("DELETE", "/crm/mcp"),
        ("GET", "/v1/accounts/A-1/balance"),
        ("POST", "/shipping.v1.Shipping/GetShipment"),
        ("GET", "/"),
        ("GET", "/nowhere"),
    ],
)
def test_without_the_authorizer_nothing_passes(
    without_authorizer: httpx.Client, method: str, path: str
) -> None:
    """Fail closed, on every route, the catch-all included."""
    assert (
        without_authorizer.request(method, path, content=b"{}" if method == "POST" else None).status_code
        == 503
    )


def test_a_grpc_client_is_told_in_its_own_words(without_authorizer: httpx.Client) -> None:
    """A gRPC client reads the status in the trailers: UNAVAILABLE, not a page of HTML."""
    headers = {"content-type": "application/grpc", "te": "trailers"}
    answer = without_authorizer.post("/shipping.v1.Shipping/GetShipment", headers=headers, content=bytes(5))

    assert answer.headers["grpc-status"] == "14"


@pytest.mark.parametrize("path", ["/v1%2faccounts/A-1/balance", "/v1/accounts%5cA-1/balance", "/v1/%00"])
def test_a_path_that_could_be_read_twice_is_refused(without_authorizer: httpx.Client, path: str) -> None:
    """An escaped slash is one segment to Envoy and two to some apps."""
    assert without_authorizer.get(path).status_code == 400


def test_a_header_with_an_underscore_is_refused(without_authorizer: httpx.Client) -> None:
    """Many apps read `x_persona_user` as `x-persona-user`."""
    assert without_authorizer.get("/", headers={"x_persona_user": "root@example.com"}).status_code == 400
