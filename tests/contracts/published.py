"""The schemas that Istio, Envoy Gateway and the Gateway API publish, as Go modules; none is copied here."""

import json
import subprocess
from pathlib import Path
from typing import Any

import yaml

MODULES = {
    "istio.io/api@v1.31.1": "kubernetes/customresourcedefinitions.gen.yaml",
    "github.com/envoyproxy/gateway@v1.9.1": "charts/gateway-crds-helm/templates/generated/*.yaml",
    "sigs.k8s.io/gateway-api@v1.6.3": "config/crd/standard/*.yaml",
}


def schemas(folder: Path) -> dict[tuple[str, str], dict[str, Any]]:
    """Schema of each `(apiVersion, kind)`; Go fetches what it has not yet, and checks it against its sum."""
    subprocess.run(["go", "mod", "init", "schemas"], cwd=folder, check=True, capture_output=True)
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for module, files in MODULES.items():
        done = subprocess.run(
            ["go", "mod", "download", "-json", module], cwd=folder, check=True, capture_output=True
        )
        for file in sorted(Path(json.loads(done.stdout)["Dir"]).glob(files)):
            found.update(_read(file))
    return found


def _read(file: Path) -> dict[tuple[str, str], dict[str, Any]]:
    # A chart's template has conditions around the whole; what is between them is plain.
    text = "\n".join(line for line in file.read_text().splitlines() if not line.startswith("{{"))
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for document in yaml.safe_load_all(text):
        if not document or document.get("kind") != "CustomResourceDefinition":
            continue
        spec = document["spec"]
        for version in spec["versions"]:
            key = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
            found[key] = version["schema"]["openAPIV3Schema"]
    return found


def closed(schema: Any) -> Any:  # noqa: ANN401 - a tree of JSON Schema
    """As an API server reads it: what is not stated is not there."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: closed(value) for key, value in schema.items()}
    if "x-kubernetes-int-or-string" in schema:
        return {"type": ["integer", "string"]}
    stated = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    open_ended = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if stated and not open_ended:
        found["additionalProperties"] = False
    return found
