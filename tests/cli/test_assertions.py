"""`personas assertions`: rotated with overlap, recorded, published."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from authz.cli.assertions import app
from authz.cli.failure import Failure
from authz.stores.trail import read_records


def test_a_rotation_is_published_at_once_and_recorded(tmp_path: Path) -> None:
    """An app team sees the new key before it signs."""
    runner = CliRunner()
    before = json.loads(runner.invoke(app, ["jwks", "--state", str(tmp_path)]).stdout)
    done = runner.invoke(app, ["rotate", "--state", str(tmp_path), "--json", "--by", "carol"])
    after = json.loads(runner.invoke(app, ["jwks", "--state", str(tmp_path)]).stdout)

    assert [key["kid"] for key in after["keys"]] == [before["keys"][0]["kid"], json.loads(done.stdout)["kid"]]
    events = [record["event"] for record in read_records(tmp_path)]
    assert [(event["what"], event["by"]) for event in events if isinstance(event, dict)] == [
        ("assertions.rotated", "carol")
    ]
    assert "signs from" in runner.invoke(app, ["rotate", "--state", str(tmp_path), "--lead", "0s"]).stdout


@pytest.mark.parametrize("arguments", [["jwks"], ["rotate", "--lead", "soon"]])
def test_bad_input_is_a_failure_in_words(tmp_path: Path, arguments: list[str]) -> None:
    """Never a traceback."""
    (tmp_path / "assertions.json").write_text("{")
    state = ["--state", str(tmp_path)]
    done = CliRunner().invoke(app, [*arguments, *state])

    assert isinstance(done.exception, Failure)
