"""`personas doctor`, asked about a running Envoy into which each mistake was put."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.contracts.envoy_process import ROOT, config, envoy, free_port
from tests.integration.running import personas

Document = dict[str, Any]
GOOD = ROOT / "envoy" / "envoy.yaml"


def _manager(document: Document) -> Document:
    listener = document["static_resources"]["listeners"][0]
    found: Document = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return found


def _filter(document: Document) -> Document:
    found: Document = _manager(document)["http_filters"][0]["typed_config"]
    return found


def _route(document: Document, name: str) -> Document:
    (found,) = [
        one for one in _manager(document)["route_config"]["virtual_hosts"][0]["routes"] if one["name"] == name
    ]
    route: Document = found
    return route


def _fails_open(document: Document) -> None:
    _filter(document)["failure_mode_allow"] = True


def _body_missing(document: Document) -> None:
    del _filter(document)["with_request_body"]


def _disabled_per_route(document: Document) -> None:
    kind = "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute"
    off = {"envoy.filters.http.ext_authz": {"@type": kind, "disabled": True}}
    _route(document, "billing")["typed_per_filter_config"] = off


def _route_without_the_filter(document: Document) -> None:
    """A way to the same apps that asks nobody."""
    manager = _manager(document)
    del manager["http_filters"][0]
    for route in manager["route_config"]["virtual_hosts"][0]["routes"]:
        route.pop("typed_per_filter_config", None)


def _clients_trusted(document: Document) -> None:
    _manager(document)["use_remote_address"] = False


def _paths_as_they_come(document: Document) -> None:
    _manager(document)["normalize_path"] = False


def _ten_minutes(document: Document) -> None:
    _filter(document)["grpc_service"]["timeout"] = "600s"


def _authorizer_on_the_network(document: Document) -> None:
    clusters = document["static_resources"]["clusters"]
    (cluster,) = [copy.deepcopy(one) for one in clusters if one["name"] == "authorizer"]
    cluster["name"] = cluster["load_assignment"]["cluster_name"] = "exposed"
    endpoint = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]
    endpoint["address"] = {"socket_address": {"address": "192.0.2.7", "port_value": 9191}}
    clusters.append(cluster)
    _filter(document)["grpc_service"]["envoy_grpc"]["cluster_name"] = "exposed"


def _headers_joined(document: Document) -> None:
    _filter(document)["encode_raw_headers"] = False


def _no_access_log(document: Document) -> None:
    del _manager(document)["access_log"]


PLANTED: dict[str, Callable[[Document], None]] = {
    "fails-open": _fails_open,
    "body-unseen": _body_missing,
    "switched-off": _disabled_per_route,
    "unjudged": _route_without_the_filter,
    "client-trusted": _clients_trusted,
    "path-unnormalized": _paths_as_they_come,
    "timeout": _ten_minutes,
    "authorizer-exposed": _authorizer_on_the_network,
    "headers-joined": _headers_joined,
    "no-access-log": _no_access_log,
}


def _started() -> tuple[Document, str]:
    """Our configuration, to be run here, and the address of its admin."""
    document = config("envoy.yaml")
    document["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"] = free_port()
    port = free_port()
    document["admin"] = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": port}}}
    return document, f"http://127.0.0.1:{port}"


def test_each_mistake_in_a_running_envoy_is_found_where_it_was_put_with_what_to_change(
    tmp_path: Path,
) -> None:
    """Each of these lets calls pass that nobody judged, and none shows in daily use.

    One Envoy with a listener for each mistake, named for it, beside one without.
    """
    document, admin = _started()
    listeners = document["static_resources"]["listeners"]
    for mistake, plant in PLANTED.items():
        other, _ = _started()
        plant(other)
        other["static_resources"]["listeners"][0]["name"] = mistake
        listeners.append(other["static_resources"]["listeners"][0])
        clusters = document["static_resources"]["clusters"]
        clusters += [one for one in other["static_resources"]["clusters"] if one["name"] == "exposed"]

    with envoy(document, tmp_path):
        done = personas("doctor", admin, "--json")

    assert done.returncode == 1, done.stderr
    found = json.loads(done.stdout)
    places = [(one["place"].partition(",")[0], one["mistake"]) for one in found]
    assert sorted(places) == sorted(
        ("cluster `exposed`" if one == "authorizer-exposed" else f"listener `{one}`", one) for one in PLANTED
    )
    assert all(one["change"] and one["found"] for one in found)


def test_our_own_configuration_is_healthy_as_envoy_runs_it(tmp_path: Path) -> None:
    """Nothing to say is said with status 0."""
    document, admin = _started()

    with envoy(document, tmp_path):
        done = personas("doctor", admin)

    assert (done.returncode, done.stdout) == (0, f"0 findings in 1 listener of {admin}\n")


def test_envoys_admin_may_be_a_socket(tmp_path: Path) -> None:
    """The safest place for it: nothing on the network can ask."""
    document, _ = _started()
    path = tmp_path / "admin.sock"
    document["admin"] = {"address": {"pipe": {"path": str(path)}}}

    with envoy(document, tmp_path):
        done = personas("doctor", f"unix:{path}")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["envoy.yaml", "compose.yaml"])
def test_the_files_that_operators_copy_are_healthy(name: str) -> None:
    """A file can be asked about before any Envoy runs it."""
    done = personas("doctor", str(ROOT / "envoy" / name))

    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_what_is_rendered_is_healthy(tmp_path: Path) -> None:
    """One file, and the files that Envoy watches."""
    rendered = personas("envoy", "render", "--defs", str(ROOT / "personas"))
    whole = tmp_path / "one.yaml"
    whole.write_text(rendered.stdout)
    folder = tmp_path / "watched"
    personas("envoy", "render", "--defs", str(ROOT / "personas"), "--out", str(folder))

    for source in (whole, folder):
        done = personas("doctor", str(source))
        assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_a_person_reads_the_place_the_mistake_and_the_change(tmp_path: Path) -> None:
    """In this order, one finding after the other."""
    document = yaml.safe_load(GOOD.read_text())
    _fails_open(document)
    file = tmp_path / "envoy.yaml"
    file.write_text(yaml.safe_dump(document))

    done = personas("doctor", str(file))

    first, second, last = done.stdout.splitlines()
    assert first.startswith("listener `agents`: fails-open: `failure_mode_allow: true`")
    assert second.startswith("    set `failure_mode_allow: false`")
    assert last == f"1 findings in 1 listener of {file}"
    assert done.returncode == 1


@pytest.mark.parametrize(
    "source", ["nowhere.yaml", "http://127.0.0.1:1", "unix:/nowhere", "http://[", "pyproject.toml"]
)
def test_what_cannot_be_read_is_one_line_and_never_healthy(source: str) -> None:
    """A doctor who sees nothing must not say that all is well."""
    done = personas("doctor", source)

    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr


def test_a_listener_that_is_not_there_is_said() -> None:
    """A typing error would look like health."""
    done = personas("doctor", str(GOOD), "--listener", "agent")

    assert done.returncode == 2
    assert "`agent`" in done.stderr
