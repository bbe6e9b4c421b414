"""docker-compose.yml and the Dockerfile: pinned, unprivileged, and no way around Envoy."""

import re
import subprocess
from typing import Any

import pytest
import yaml

from tests.contracts.envoy_process import ROOT, config

APPS = ("tickets", "billing", "crm", "shipping")


def services() -> dict[str, dict[str, Any]]:
    """The services, with what they share written out."""
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    found: dict[str, dict[str, Any]] = document["services"]
    return found


@pytest.mark.system("docker-compose")
def test_compose_accepts_it() -> None:
    """No engine is needed to know that the file is well formed."""
    done = subprocess.run(
        ["docker-compose", "-f", ROOT / "docker-compose.yml", "config", "--quiet"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr


def test_every_image_is_pinned() -> None:
    """What `latest` means changes under one's feet."""
    for name, service in services().items():
        assert re.fullmatch(r"[a-z0-9./-]+:[v0-9][a-z0-9.-]+(@sha256:[0-9a-f]{64})?", service["image"]), name
    bases = re.findall(r"^FROM (\S+)", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    own = re.findall(r" AS (\S+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert all(":" in base for base in bases if base not in own)


def test_nothing_but_envoy_and_the_traces_is_reachable_and_only_from_this_machine() -> None:
    """An app, the authorizer or Redis with a port of its own is a way around Envoy."""
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}

    assert published == {"envoy": ["127.0.0.1:10000:10000"], "jaeger": ["127.0.0.1:16686:16686"]}
    assert all(services()[app]["networks"] == ["apps"] for app in APPS)


def test_what_we_build_runs_as_nobody_in_particular() -> None:
    """A process that is taken over should hold as little as possible."""
    for name in ("envoy", "authorizer", *APPS):
        service = services()[name]
        assert service["user"] == "10001:10001", name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
    for stage in re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]:
        if "ENTRYPOINT" in stage:
            assert "USER 10001:10001" in stage


def test_envoy_waits_for_an_authorizer_that_says_it_serves() -> None:
    """The health check asks the authorizer itself, over the socket that Envoy uses."""
    dockerfile = (ROOT / "Dockerfile").read_text()
    (authorizer,) = [
        one["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["pipe"]["path"]
        for one in config("compose.yaml")["static_resources"]["clusters"]
        if one["name"] == "authorizer"
    ]

    assert services()["envoy"]["depends_on"] == {"authorizer": {"condition": "service_healthy"}}
    assert dockerfile.count(f"unix:{authorizer}") == 2
    assert "HEALTHCHECK" in dockerfile


def test_the_apps_listen_where_envoy_looks_for_them() -> None:
    """One name and one port, in two files."""
    for cluster in config("compose.yaml")["static_resources"]["clusters"]:
        if cluster["name"] not in APPS:
            continue
        where = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]
        command = services()[cluster["name"]]["command"]
        assert where["socket_address"]["address"] == cluster["name"]
        assert command[command.index("--port") + 1] == str(where["socket_address"]["port_value"])
