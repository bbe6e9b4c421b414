"""`personas envoy render`."""

from pathlib import Path

import yaml

from tests.integration.running import ROOT, personas

DEFS = str(ROOT / "personas")


def test_the_configuration_goes_to_standard_output() -> None:
    """And nothing else does."""
    done = personas("envoy", "render", "--defs", DEFS)

    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["static_resources"]["listeners"][0]["name"] == "agents"


def test_files_that_envoy_watches_are_replaced_only_when_they_change(tmp_path: Path) -> None:
    """Each replacement makes Envoy read again."""
    first = personas("envoy", "render", "--defs", DEFS, "--out", str(tmp_path))
    again = personas("envoy", "render", "--defs", DEFS, "--out", str(tmp_path))

    assert (first.returncode, first.stderr.count("wrote")) == (0, 4)
    assert (again.returncode, again.stderr) == (0, "")
    assert {one.name for one in tmp_path.iterdir()} == {
        "envoy.yaml",
        "listeners.yaml",
        "clusters.yaml",
        "routes.yaml",
    }


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    """Never a traceback."""
    empty = personas("envoy", "render", "--defs", str(tmp_path))
    odd = personas("envoy", "render", "--defs", DEFS, "--listen", "here")

    assert empty.returncode != 0
    assert "Traceback" not in empty.stderr
    assert (odd.returncode, odd.stderr.count("\n")) == (2, 1)
