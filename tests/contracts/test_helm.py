"""The chart: accepted by helm and by Kubernetes' own types, and closed in every mode."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from authz.server.settings import Settings
from tests.contracts.envoy_process import ROOT

CHART = ROOT / "deploy" / "helm" / "agent-personas"
BASE = ("definitions.configMap=d",)
ALL = (
    "mesh=true", "exporter.separate=true", "exporter.otlp=http://collector:4317", "control.enabled=true",
    "control.secret=c", "autoscaling.enabled=true", "sharedSecret=s", "metrics.serviceMonitor=true",
    "networkPolicy.envoys[0].namespaceSelector.matchLabels.name=agents",
    "networkPolicy.monitoring[0].namespaceSelector.matchLabels.name=monitoring",
)  # fmt: skip
MODES: dict[str, tuple[str, ...]] = {
    "service-in-a-mesh": ("mesh=true",),
    "service-with-tls": ("tls.secret=t", "tls.clients={spiffe://example.org/envoy}"),
    "node": ("mode=node",),
    "sidecar": ("mode=sidecar", "envoy.configMap=e"),
    "everything": ALL,
}
Tree = dict[str, Any]


def _helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    where = shutil.which("helm") or Path.home() / "go" / "bin" / "helm"
    return subprocess.run([where, *arguments], check=False, capture_output=True, text=True)


def _set(values: tuple[str, ...]) -> list[str]:
    given = [word for one in (*BASE, *values) for word in ("--set", one)]
    return ["--kube-version", "1.33.0", *given]


def _rendered(values: tuple[str, ...]) -> str:
    done = _helm("template", "r", str(CHART), *_set(values))
    assert done.returncode == 0, done.stderr
    return done.stdout


def _documents(values: tuple[str, ...]) -> dict[str, Tree]:
    return {one["kind"]: one for one in yaml.safe_load_all(_rendered(values)) if one}


def _pod(values: tuple[str, ...]) -> Tree:
    documents = _documents(values)
    workload = documents.get("StatefulSet") or documents["DaemonSet"]
    found: Tree = workload["spec"]["template"]["spec"]
    return found


@pytest.mark.system("helm")
@pytest.mark.parametrize("mode", MODES)
def test_helm_accepts_it(mode: str) -> None:
    """`helm lint` reads the values' schema as well."""
    done = _helm("lint", str(CHART), *_set(MODES[mode]))

    assert done.returncode == 0, done.stdout


@pytest.mark.long
@pytest.mark.system("helm", "go")
def test_kubernetes_own_types_accept_every_mode_strictly(tmp_path: Path) -> None:
    """A field that an API server does not know is dropped there in silence; here it is an error."""
    folder = ROOT / "tests" / "contracts" / "kubernetes"
    strict = tmp_path / "strict"
    subprocess.run(["go", "build", "-o", strict, "."], cwd=folder, check=True)
    for mode, values in MODES.items():
        documents = [one for one in _rendered(values).split("\n---\n") if "kind: ServiceMonitor" not in one]
        done = subprocess.run(
            [strict], input="\n---\n".join(documents), check=False, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, ""), mode
        assert int(done.stdout) >= 6
    broken = _rendered(MODES["node"]).replace("runAsNonRoot:", "runAsNoRoot:")
    assert subprocess.run([strict], input=broken, check=False, capture_output=True, text=True).returncode == 1


@pytest.mark.system("helm")
@pytest.mark.parametrize("mode", MODES)
def test_every_container_holds_as_little_as_possible(mode: str) -> None:
    """A process that is taken over should find nothing to work with."""
    pod = _pod(MODES[mode])

    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        contained = container["securityContext"]
        assert contained["runAsNonRoot"] is contained["readOnlyRootFilesystem"] is True
        assert contained["allowPrivilegeEscalation"] is False
        assert contained["capabilities"] == {"drop": ["ALL"]}
        assert contained["seccompProfile"] == {"type": "RuntimeDefault"}
        assert "memory" in container["resources"]["limits"]


@pytest.mark.system("helm")
@pytest.mark.parametrize("mode", MODES)
def test_our_own_settings_accept_what_the_chart_writes(mode: str) -> None:
    """A setting that is misspelt would keep every pod from starting."""
    written = _documents(MODES[mode])["ConfigMap"]["data"]["serve.yaml"]

    assert Settings.model_validate(yaml.safe_load(written)).access_log


@pytest.mark.system("helm")
def test_nobody_but_the_envoys_that_are_named_reaches_the_port() -> None:
    """Whoever can ask learns what would pass; without names, nobody can."""
    alone = _documents(MODES["service-in-a-mesh"])["NetworkPolicy"]["spec"]
    named = _documents(ALL)["NetworkPolicy"]["spec"]

    assert (alone["policyTypes"], alone["ingress"]) == (["Ingress", "Egress"], None)
    (envoys, monitoring) = named["ingress"]
    assert envoys["from"] == [{"namespaceSelector": {"matchLabels": {"name": "agents"}}}]
    assert [one["port"] for one in envoys["ports"]] == [9191, 9192]
    assert [one["port"] for one in monitoring["ports"]] == [9464]


@pytest.mark.system("helm")
@pytest.mark.parametrize(
    "values",
    [
        (),
        ("mode=sidecar",),
        ("mode=node", "autoscaling.enabled=true"),
        ("mesh=true", "definitions.configMap="),
        ("mesh=true", "control.enabled=true"),
        ("mesh=true", "mode=elsewhere"),
        ("mesh=true", "typo=1"),
    ],
)
def test_what_would_be_open_or_would_not_start_is_not_rendered(values: tuple[str, ...]) -> None:
    """Least of all an authorizer that anyone can ask."""
    assert _helm("template", "r", str(CHART), *_set(values)).returncode != 0


@pytest.mark.system("helm")
def test_each_mode_listens_where_only_envoy_comes() -> None:
    """A socket, loopback behind a mesh's sidecar, or mTLS."""
    listens = {}
    for mode, values in MODES.items():
        arguments = _pod(values)["containers"][0]["args"]
        listens[mode] = arguments[arguments.index("--listen") + 1]

    assert listens == {
        "service-in-a-mesh": "127.0.0.1:9191",
        "service-with-tls": "0.0.0.0:9191",
        "node": "unix:/run/personas/authz.sock",
        "sidecar": "unix:/run/personas/authz.sock",
        "everything": "127.0.0.1:9191",
    }
    written = _documents(MODES["service-with-tls"])["ConfigMap"]["data"]["serve.yaml"]
    assert yaml.safe_load(written)["tls"]["clients"] == ["spiffe://example.org/envoy"]
