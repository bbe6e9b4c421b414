"""`personas apps`."""

from pathlib import Path

import orjson
import pytest

from tests.integration.running import personas
from tests.stores.test_live_tools import server
from tests.wire.shipping import descriptor_set

__all__ = ["server"]

LIST = orjson.dumps({"tools": [{"name": "search", "annotations": {"readOnlyHint": True}}]})


def _imported(folder: Path, *options: str) -> Path:
    done = personas("apps", "import", "--name", "crm", "--out", str(folder), *options)
    assert done.returncode == 0, done.stderr
    return folder


def test_an_import_is_a_definition_that_compiles(tmp_path: Path) -> None:
    """With the pinned definitions, or the descriptors, beside it."""
    (tmp_path / "tools.json").write_bytes(LIST)
    (tmp_path / "set.binpb").write_bytes(descriptor_set())
    from_list = _imported(tmp_path / "a", "--mcp", str(tmp_path / "tools.json"))
    from_set = _imported(tmp_path / "b", "--descriptors", str(tmp_path / "set.binpb"))

    assert {one.name for one in from_list.iterdir()} == {"crm.yaml", "crm.tools.json"}
    assert {one.name for one in from_set.iterdir()} == {"crm.yaml", "crm.binpb"}
    for folder in (from_list, from_set):
        assert "review: true" in (folder / "crm.yaml").read_text()
        assert personas("check", str(folder)).returncode == 0


def test_an_import_never_replaces_what_a_person_has_looked_at(tmp_path: Path) -> None:
    """The reviewed file would be lost."""
    (tmp_path / "tools.json").write_bytes(LIST)
    _imported(tmp_path, "--mcp", str(tmp_path / "tools.json"))
    again = personas(
        "apps", "import", "--name", "crm", "--out", str(tmp_path), "--mcp", str(tmp_path / "tools.json")
    )

    assert (again.returncode, again.stderr.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--mcp", "a", "--openapi", "b"),
        ("--mcp", "/nowhere"),
        ("--openapi", "/dev/null"),
        ("--mcp", "http://127.0.0.1:1/mcp"),
        ("--mcp", "/dev/null", "--header", "x"),
    ],
)
def test_bad_input_is_one_line_and_status_two(options: tuple[str, ...]) -> None:
    """Never a traceback."""
    done = personas("apps", "import", "--name", "crm", *options)

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_what_was_pinned_is_compared_with_the_live_server(server: str, tmp_path: Path) -> None:
    """A description that changed is told, by tool and member."""
    defs = _imported(tmp_path / "defs", "--mcp", server)
    same = personas("apps", "diff", "--defs", str(defs), "--exit-code")
    pins = orjson.loads((defs / "crm.tools.json").read_bytes())
    pins["tools"][0]["description"] = "Another one."
    (defs / "crm.tools.json").write_bytes(orjson.dumps(pins))
    changed = personas("apps", "diff", "--defs", str(defs), "--exit-code")
    pinned = personas("apps", "pin", "--defs", str(defs), "crm")
    after = personas("apps", "diff", "--defs", str(defs), "--exit-code")

    assert (same.returncode, same.stdout) == (0, "")
    assert (changed.returncode, changed.stdout) == (4, "crm\ttools\tdelete\tdescription\n")
    assert pinned.returncode == 0, pinned.stderr
    assert after.returncode == 0
