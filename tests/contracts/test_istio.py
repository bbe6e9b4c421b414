"""What is made for Istio and Envoy Gateway: accepted by their schemas, and run as Istio has Envoy run it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # publishes no types

from authz.render import Choices, upstreams_of
from authz.render.doctor import Mistake, examine, read
from authz.render.mesh import Names, Place, istio, mesh_config
from authz.render.mesh.ways import ways
from authz.stores.definitions import load
from tests.contracts.envoy_process import ROOT, envoy
from tests.contracts.published import closed, schemas
from tests.integration.running import personas, service
from tests.render.mesh.rendering import manifests, written
from tests.wire.gateway import copied, echo, free_port
from tests.wire.shipping import descriptor_set

DEFS = ROOT / "tests" / "wire" / "defs"
TYPE = "type.googleapis.com/envoy.extensions.filters."
RBAC = "envoy.filters.http.rbac"
JUDGE = "envoy.filters.http.ext_authz"
HCM = "envoy.filters.network.http_connection_manager"
NAMES = Names()
Tree = dict[str, Any]


@pytest.fixture
def defs(tmp_path: Path) -> Path:
    """Definitions of one app of each kind."""
    found = copied(DEFS, tmp_path / "defs", {})
    (found / "shipping.binpb").write_bytes(descriptor_set())
    return found


def test_the_files_that_operators_copy_are_those_that_are_made() -> None:
    """They are made from the Apps; nobody edits them by hand."""
    for name, documents in manifests(load(ROOT / "personas").definitions).items():
        assert (ROOT / "envoy" / name).read_text() == written(documents), name


@pytest.mark.long
@pytest.mark.system("go")
def test_every_manifest_is_accepted_by_the_published_schemas(tmp_path: Path, defs: Path) -> None:
    """Nothing that an API server would drop in silence."""
    known = schemas(tmp_path)
    checked = 0
    for definitions in (defs, ROOT / "personas"):
        for name, documents in manifests(load(definitions).definitions).items():
            if name == "istio/mesh-config.yaml":
                continue
            for document in documents:
                schema = closed(known[document["apiVersion"], document["kind"]])
                schema["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {}}
                errors = [str(one.message) for one in Draft202012Validator(schema).iter_errors(document)]
                assert errors == [], (name, document["metadata"]["name"])
                checked += 1
    assert checked > 50


def test_the_provider_states_what_istio_leaves_open() -> None:
    """Its timeout is ten minutes and it shows no body, unless told."""
    (provider,) = mesh_config(Choices(), NAMES)["meshConfig"]["extensionProviders"]

    assert provider["envoyExtAuthzGrpc"]["timeout"] == "0.5s"
    assert provider["envoyExtAuthzGrpc"]["failOpen"] is False
    assert provider["envoyExtAuthzGrpc"]["includeRequestBodyInCheck"]["allowPartialMessage"] is False


def test_a_policy_matches_everything_because_what_it_does_not_match_is_not_judged(defs: Path) -> None:
    """Every place has one, and none narrows it."""
    upstreams, _ = upstreams_of(load(defs).definitions)
    for place in Place:
        policies = [
            one for one in istio(upstreams, Choices(), NAMES, place) if one["kind"] == "AuthorizationPolicy"
        ]
        assert policies
        assert all(one["spec"]["rules"] == [{}] for one in policies)


def _merged(base: Any, patch: Any) -> Any:  # noqa: ANN401 - trees of YAML
    """As protobuf merges: fields by name, lists appended, and what is false or zero says nothing."""
    if isinstance(base, dict) and isinstance(patch, dict):
        found = dict(base)
        for key, value in patch.items():
            if value not in (False, 0, ""):
                found[key] = _merged(found.get(key), value)
        return found
    if isinstance(base, list) and isinstance(patch, list):
        return [*base, *patch]
    return patch


def _made(choices: Choices, policies: Tree) -> list[Tree]:
    """What Istio makes of CUSTOM: one filter marks what the policy matches, one asks about what is marked."""
    (provider,) = mesh_config(choices, NAMES)["meshConfig"]["extensionProviders"]
    stated = provider["envoyExtAuthzGrpc"]
    body = stated["includeRequestBodyInCheck"]
    marked = {
        "filter": RBAC,
        "path": [{"key": "istio_ext_authz_shadow_effective_policy_id"}],
        "value": {"string_match": {"prefix": "istio-ext-authz"}},
    }
    rbac = {
        "@type": TYPE + "http.rbac.v3.RBAC",
        "shadow_rules": {"action": "DENY", "policies": policies},
        "shadow_rules_stat_prefix": "istio_ext_authz_",
    }
    judge = {
        "@type": TYPE + "http.ext_authz.v3.ExtAuthz",
        "transport_api_version": "V3",
        "grpc_service": {
            "envoy_grpc": {"cluster_name": NAMES.cluster(NAMES.check_port), "authority": NAMES.host},
            "timeout": stated["timeout"],
        },
        "failure_mode_allow": stated["failOpen"],
        "status_on_error": {"code": int(stated["statusOnError"])},
        "with_request_body": {
            "max_request_bytes": body["maxRequestBytes"],
            "allow_partial_message": body["allowPartialMessage"],
            "pack_as_bytes": body["packAsBytes"],
        },
        "filter_enabled_metadata": marked,
    }
    return [{"name": RBAC, "typed_config": rbac}, {"name": JUDGE, "typed_config": judge}]


EVERYTHING = {
    "istio-ext-authz-personas-ns[agents]-policy[agents-personas]-rule[0]": {
        "permissions": [{"any": True}],
        "principals": [{"any": True}],
    }
}
ONLY_THERE = {
    "istio-ext-authz-personas-ns[agents]-policy[agents-personas]-rule[0]": {
        "permissions": [{"url_path": {"path": {"prefix": "/elsewhere"}}}],
        "principals": [{"any": True}],
    }
}


def _pipe(name: str, path: str) -> Tree:
    kind = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    options = {
        kind: {"@type": f"type.googleapis.com/{kind}", "explicit_http_config": {"http2_protocol_options": {}}}
    }
    endpoint = {"endpoint": {"address": {"pipe": {"path": path}}}}
    assigned = {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]}
    return {
        "name": name,
        "type": "STATIC",
        "load_assignment": assigned,
        "typed_extension_protocol_options": options,
    }


def _gateway(definitions: Path, port: int, app: int, socket: str, policies: Tree = EVERYTHING) -> Tree:
    """The gateway's Envoy as Istio makes it, with our EnvoyFilters merged into it."""
    upstreams, _ = upstreams_of(load(definitions).definitions)
    routed, _ = ways(upstreams, Choices())
    routes = []
    for way in routed:
        action: Tree = {"direct_response": {"status": 404}}
        if way.upstream is not None:
            action = {"route": {"cluster": "app", "timeout": f"{way.seconds}s"}}
        match: Tree = {"path": way.exact} if way.exact else {"prefix": way.prefix}
        if way.hosts == ("*",) and not way.headers and not way.grpc:
            routes.append({"name": way.name, "match": match, **action})
    manager: Tree = {
        "@type": TYPE + "network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "outbound_0.0.0.0_80",
        "use_remote_address": True,
        "normalize_path": True,
        "merge_slashes": True,
        "path_with_escaped_slashes_action": "UNESCAPE_AND_FORWARD",
        "forward_client_cert_details": "SANITIZE_SET",
        "route_config": {
            "name": "http.80",
            "virtual_hosts": [{"name": "*:80", "domains": ["*"], "routes": routes}],
        },
        "http_filters": [
            *_made(Choices(), policies),
            {"name": "envoy.filters.http.router", "typed_config": {"@type": TYPE + "http.router.v3.Router"}},
        ],
    }
    for patch in _patches(istio(upstreams, Choices(), NAMES, Place.GATEWAY)):
        manager = _patched(manager, patch)
    local = {"endpoint": {"address": {"socket_address": {"address": "127.0.0.1", "port_value": app}}}}
    apps = {"cluster_name": "app", "endpoints": [{"lb_endpoints": [local]}]}
    where = {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    chain = {"filters": [{"name": HCM, "typed_config": manager}]}
    return {
        "static_resources": {
            "listeners": [{"name": "gateway", "address": where, "filter_chains": [chain]}],
            "clusters": [
                _pipe(NAMES.cluster(NAMES.check_port), socket),
                _pipe(NAMES.cluster(NAMES.stream_port), socket + ".log"),
                {"name": "app", "type": "STATIC", "load_assignment": apps},
            ],
        }
    }


def _patches(documents: list[Tree]) -> Iterator[Tree]:
    for one in documents:
        if one["kind"] == "EnvoyFilter":
            yield from one["spec"]["configPatches"]


def _patched(manager: Tree, patch: Tree) -> Tree:
    """What Istio does with one patch."""
    value = patch["patch"]["value"]
    if patch["applyTo"] == "NETWORK_FILTER":
        return dict(_merged(manager, value["typed_config"]))
    if patch["applyTo"] == "HTTP_FILTER":
        filters = [
            _merged(one, value) if one["name"] == value["name"] else one for one in manager["http_filters"]
        ]
        return {**manager, "http_filters": filters}
    name = patch["match"]["routeConfiguration"]["vhost"]["route"]["name"]
    (host,) = manager["route_config"]["virtual_hosts"]
    routes = [_merged(one, value) if one["name"] == name else one for one in host["routes"]]
    return {**manager, "route_config": {"name": "http.80", "virtual_hosts": [{**host, "routes": routes}]}}


def test_the_doctor_has_nothing_to_say_of_the_gateway_and_much_without_our_patches(defs: Path) -> None:
    """CUSTOM alone joins headers and reports nothing."""
    document = _gateway(defs, 1, 2, "/run/authz.sock")
    bare = _gateway(defs, 1, 2, "/run/authz.sock")
    manager = bare["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"] = [*_made(Choices(), EVERYTHING), manager["http_filters"][-1]]
    del manager["access_log"]

    assert examine(read([document])) == []
    found = {one.mistake for one in examine(read([bare]))}
    assert found == {Mistake.HEADERS_JOINED, Mistake.NO_ACCESS_LOG}


def test_calls_are_judged_by_the_configuration_that_istio_makes_of_custom(tmp_path: Path, defs: Path) -> None:
    """Marked by RBAC in shadow, asked about by ext_authz: on a real Envoy, with the real authorizer."""
    port, app = free_port(), free_port()
    with service(tmp_path, defs) as running, echo(app) as seen:
        done = personas(
            "keys", "issue", "--agent", "prober", "--user", "alice@example.com", "--persona", "everything",
            "--ttl", "1d", "--state", str(running.state),
        )  # fmt: skip
        key = next(word for word in done.stdout.split() if word.startswith("aak_"))
        headers = {"authorization": f"Bearer {key}", "x-persona-user": "forged"}
        document = _gateway(defs, port, app, running.target.removeprefix("unix:"))
        with envoy(document, tmp_path), httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            allowed = client.get("/v1/accounts/A-1/balance", headers=headers)
            stranger = client.get("/v1/accounts/A-1/balance")
            unknown = client.get("/v1/accounts", headers=headers)
            nowhere = client.get("/nowhere", headers=headers)
            running.stop()
            alone = client.get("/v1/accounts/A-1/balance", headers=headers)

    assert [one.status_code for one in (allowed, stranger, unknown, nowhere, alone)] == [
        200, 401, 403, 403, 503,
    ]  # fmt: skip
    assert [one[:2] for one in seen.seen] == [("GET", "/v1/accounts/A-1/balance")]
    assert seen.seen[0][2]["x-persona-user"] == "alice@example.com"
    assert "authorization" not in seen.seen[0][2]


def test_what_a_narrower_policy_leaves_out_is_refused_not_passed(tmp_path: Path, defs: Path) -> None:
    """Istio alone lets pass whatever its rules do not match; `deny_at_disable` closes that."""
    statuses = []
    for ours in (False, True):
        port, app = free_port(), free_port()
        document = _gateway(defs, port, app, str(tmp_path / "nobody.sock"), ONLY_THERE)
        manager = document["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0][
            "typed_config"
        ]
        if not ours:
            del manager["http_filters"][1]["typed_config"]["deny_at_disable"]
        with echo(app), envoy(document, tmp_path):
            statuses.append(httpx.get(f"http://127.0.0.1:{port}/v1/accounts/A-1/balance").status_code)

    assert statuses == [200, 503]


def test_the_manifests_are_plain_yaml() -> None:
    """Without anchors, which some tools expand and others refuse."""
    for file in sorted((ROOT / "envoy").glob("*/*.yaml")):
        assert "&id" not in file.read_text()
        assert list(yaml.safe_load_all(file.read_text()))
