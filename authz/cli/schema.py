"""`personas schema`: JSON Schema of definitions, for editors."""

from pathlib import Path
from typing import Annotated

import orjson
import typer

from authz.cli.failure import Failure
from authz.compiler.schema import json_schema


def command(
    out: Annotated[Path | None, typer.Option("--out", help="Write to this file; else print it.")] = None,
) -> None:
    """Write JSON Schema for editors: `# yaml-language-server: $schema=FILE`."""
    text = orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    if out is None:
        typer.echo(text.decode(), nl=False)
        return
    try:
        out.write_bytes(text)
    except OSError as error:
        raise Failure(f"{out}: can't be written: {error.strerror}") from None
