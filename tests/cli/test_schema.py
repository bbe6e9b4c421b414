"""`personas schema`: for editors."""

import json
from pathlib import Path

import typer
from typer.testing import CliRunner

from authz.cli import schema
from authz.cli.failure import Failure
from authz.compiler.schema import json_schema

app = typer.Typer()
app.command()(schema.command)


def test_it_prints_the_schema_or_writes_it(tmp_path: Path) -> None:
    """Either way the same."""
    printed = CliRunner().invoke(app, [])
    written = CliRunner().invoke(app, ["--out", str(tmp_path / "s.json")])

    assert (printed.exit_code, written.exit_code, written.output) == (0, 0, "")
    assert json.loads(printed.output) == json_schema()
    assert (tmp_path / "s.json").read_text() == printed.output


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """Bad input is never a traceback."""
    failed = CliRunner().invoke(app, ["--out", str(tmp_path / "absent" / "s.json")])

    assert isinstance(failed.exception, Failure)
    assert failed.exception.code == 2
