"""Each check, on what only some Envoys say."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from authz.render.doctor import CHANGES, Finding, Mistake, examine, read

ROOT = Path(__file__).resolve().parents[3]
GOOD: dict[str, Any] = yaml.safe_load((ROOT / "envoy" / "envoy.yaml").read_text())
PER_ROUTE = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute"


@pytest.fixture
def document() -> dict[str, Any]:
    """Our own configuration, to be spoilt."""
    return copy.deepcopy(GOOD)


def _manager(document: dict[str, Any]) -> dict[str, Any]:
    listener = document["static_resources"]["listeners"][0]
    found: dict[str, Any] = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def _filter(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = _manager(document)["http_filters"][0]
    return found


def _found(document: dict[str, Any]) -> set[Mistake]:
    return {one.mistake for one in examine(read([document]))}


def test_every_mistake_says_what_to_change() -> None:
    """A finding without a remedy is a complaint."""
    assert CHANGES.keys() == set(Mistake)


def test_nothing_is_found_in_our_own(document: dict[str, Any]) -> None:
    """Else nobody would believe the rest."""
    assert examine(read([document])) == []


@pytest.mark.parametrize(
    ("settings", "mistake"),
    [
        ({"shadow_mode": True}, Mistake.SWITCHED_OFF),
        (
            {"filter_enabled": {"default_value": {"numerator": 50}}, "deny_at_disable": None},
            Mistake.SWITCHED_OFF,
        ),
        ({"with_request_body": {"max_request_bytes": 9, "allow_partial_message": True}}, Mistake.BODY_UNSEEN),
        ({"grpc_service": {"envoy_grpc": {"cluster_name": "authorizer"}}}, Mistake.TIMEOUT),
        (
            {"grpc_service": {"envoy_grpc": {"cluster_name": "authorizer"}, "timeout": "0s"}},
            Mistake.TIMEOUT,
        ),
    ],
)
def test_the_filter_can_be_open_in_other_ways(
    document: dict[str, Any], settings: dict[str, Any], mistake: Mistake
) -> None:
    """They are the same mistakes in another dress."""
    _filter(document)["typed_config"].update(settings)

    assert _found(document) == {mistake}


def test_a_share_of_all_requests_is_not_a_part(document: dict[str, Any]) -> None:
    """An operator may state what is the default."""
    whole = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    _filter(document)["typed_config"].update({"filter_enabled": whole, "deny_at_disable": None})

    assert _found(document) == set()


def test_a_filter_that_is_off_must_be_switched_on_by_each_route(document: dict[str, Any]) -> None:
    """As Envoy Gateway does it: a route without a policy is open."""
    _filter(document)["disabled"] = True
    (route, *_) = _manager(document)["route_config"]["virtual_hosts"][0]["routes"]
    del route["typed_per_filter_config"]

    assert [(one.mistake, one.place) for one in examine(read([document]))] == [
        (Mistake.UNJUDGED, "listener `agents`, route `tickets-stream`")
    ]


def test_a_claim_in_a_clients_certificate_header_is_not_handed_on(document: dict[str, Any]) -> None:
    """Anyone can write one."""
    _manager(document)["forward_client_cert_details"] = "ALWAYS_FORWARD_ONLY"

    assert _found(document) == {Mistake.CLIENT_TRUSTED}


def test_every_half_of_normalization_is_needed(document: dict[str, Any]) -> None:
    """`//` and `%2f` are spellings too."""
    for name in ("merge_slashes", "path_with_escaped_slashes_action"):
        spoilt = copy.deepcopy(document)
        del _manager(spoilt)[name]
        assert _found(spoilt) == {Mistake.PATH_UNNORMALIZED}


def test_a_body_may_be_hidden_only_when_the_authorizer_is_told(document: dict[str, Any]) -> None:
    """It then refuses what needs an argument."""
    (route, *_) = _manager(document)["route_config"]["virtual_hosts"][0]["routes"]
    settings: dict[str, Any] = {"disable_request_body_buffering": True}
    said = {"@type": PER_ROUTE, "check_settings": settings}
    route["typed_per_filter_config"] = {"envoy.filters.http.ext_authz": said}

    assert _found(document) == {Mistake.BODY_UNSEEN}
    settings["context_extensions"] = {"app": "tickets", "body": "none"}
    assert _found(document) == set()


def test_what_is_judged_once_must_end(document: dict[str, Any]) -> None:
    """A revoked key would listen for ever."""
    (route, *_) = _manager(document)["route_config"]["virtual_hosts"][0]["routes"]
    del route["route"]["max_stream_duration"]

    assert _found(document) == {Mistake.TIMEOUT}


def test_no_route_leads_to_the_authorizer(document: dict[str, Any]) -> None:
    """An agent could ask it what would pass."""
    routes = _manager(document)["route_config"]["virtual_hosts"][0]["routes"]
    routes.insert(0, {"name": "oops", "match": {"prefix": "/ask"}, "route": {"cluster": "authorizer"}})

    assert _found(document) == {Mistake.AUTHORIZER_EXPOSED}


def test_an_authorizer_of_discovered_endpoints_needs_tls(document: dict[str, Any]) -> None:
    """In a mesh its address is known to nobody but the control plane."""
    clusters = document["static_resources"]["clusters"]
    del clusters[0]["load_assignment"]
    clusters[0].update(type="EDS", eds_cluster_config={"service_name": "svc"})
    address = {"socket_address": {"address": "10.1.2.3", "port_value": 9191}}
    endpoint = {"lb_endpoints": [{"endpoint": {"address": address}}]}
    discovered = {"resources": [{"cluster_name": "svc", "endpoints": [endpoint]}]}

    assert {one.mistake for one in examine(read([document, discovered]))} == {Mistake.AUTHORIZER_EXPOSED}
    clusters[0]["transport_socket"] = {"name": "envoy.transport_sockets.tls"}
    assert examine(read([document, discovered])) == []


def test_a_tunnel_is_no_way_around(document: dict[str, Any]) -> None:
    """Bytes are not requests."""
    kind = "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy"
    tunnel = {"typed_config": {"@type": kind, "cluster": "authorizer"}}
    listener = {"name": "raw", "filter_chains": [{"filters": [tunnel]}]}
    document["static_resources"]["listeners"].append(listener)

    assert _found(document) == {Mistake.UNJUDGED, Mistake.AUTHORIZER_EXPOSED}


def test_the_admin_is_nobodys_but_this_machines(document: dict[str, Any]) -> None:
    """It shows and changes everything."""
    document["admin"] = {"address": {"socket_address": {"address": "0.0.0.0", "port_value": 9901}}}  # noqa: S104 - what is found

    assert _found(document) == {Mistake.ADMIN_EXPOSED}


def test_what_was_not_read_is_said(document: dict[str, Any]) -> None:
    """Silence would look like health."""
    manager = _manager(document)
    del manager["route_config"]
    manager["rds"] = {"route_config_name": "elsewhere"}
    document["static_resources"]["clusters"] = []

    assert [one.mistake for one in examine(read([document]))] == [Mistake.ROUTES_UNSEEN] * 2


def test_only_the_listeners_that_are_named_are_looked_at(document: dict[str, Any]) -> None:
    """A mesh's Envoy has dozens."""
    _filter(document)["typed_config"]["failure_mode_allow"] = True

    assert examine(read([document]), ["other"]) == []
    assert len(examine(read([document]), ["agents"])) == 1


def test_a_finding_reads_as_a_line() -> None:
    """Place first, as an editor has it."""
    one = Finding(place="listener `a`", mistake=Mistake.TIMEOUT, found="no timeout")

    assert str(one) == "listener `a`: timeout: no timeout"
