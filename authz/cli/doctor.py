"""`personas doctor`: what in an Envoy lets a call pass unjudged, and what to change."""

import http.client
import socket
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import orjson
import typer
import yaml

from authz.cli.failure import Failure
from authz.render.doctor import Finding, examine, read

MOST_BYTES = 256 * 1024 * 1024
PATIENCE = 10.0
"""Seconds that Envoy gets to answer."""


def command(
    source: Annotated[
        str,
        typer.Argument(
            help="Envoy's admin (http://127.0.0.1:9901 or unix:PATH), a file, a dump or a folder."
        ),
    ],
    *,
    listener: Annotated[
        list[str] | None, typer.Option(help="Look at this listener only; may be said again.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Find what fails open in an Envoy; ends with 1 when there is anything."""
    seen = read(_documents(source))
    wanted = listener or []
    known = {one.listener for one in seen.managers}
    if not seen.managers or not known >= set(wanted):
        what = f"listener `{next(iter(set(wanted) - known))}`" if seen.managers else "HTTP listener"
        raise Failure(f"{source}: no {what} in it: is it the Envoy in front of your apps?")
    findings = examine(seen, wanted)
    if as_json:
        typer.echo(orjson.dumps([_plain(one) for one in findings], option=orjson.OPT_INDENT_2))
    else:
        for one in findings:
            typer.echo(f"{one}\n    {one.change}")
        judged = "1 listener" if len(known) == 1 else f"{len(known)} listeners"
        typer.echo(f"{len(findings)} findings in {judged} of {source}")
    if findings:
        raise typer.Exit(1)


def _plain(finding: Finding) -> dict[str, str]:
    return {
        "mistake": str(finding.mistake),
        "place": finding.place,
        "found": finding.found,
        "change": finding.change,
    }


def _documents(source: str) -> list[object]:
    if source.startswith("http://"):
        try:
            parts = urlsplit(source)
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=PATIENCE)
        except ValueError as error:
            raise Failure(f"{source}: {str(error).lower()}") from None
        return [_asked(connection, source)]
    if source.startswith("unix:"):
        return [_asked(_UnixConnection(source.removeprefix("unix:")), source)]
    path = Path(source)
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    try:
        return [document for one in files for document in yaml.safe_load_all(one.read_bytes())]
    except OSError as error:
        raise Failure(f"{source}: {(error.strerror or str(error)).lower()}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise Failure(f"{source}{where}: {getattr(error, 'problem', None) or 'not YAML'}") from None


def _asked(connection: http.client.HTTPConnection, source: str) -> object:
    """What a running Envoy says of itself, endpoints included."""
    try:
        connection.request("GET", "/config_dump?include_eds")
        answer = connection.getresponse()
        body = answer.read(MOST_BYTES)
    except (OSError, http.client.HTTPException) as error:
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise Failure(f"{source}: {said.lower()}: is this the address of Envoy's admin?") from None
    finally:
        connection.close()
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Failure(f"{source}: status {answer.status}, and no dump: is this Envoy's admin?") from None


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        """Open the socket."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
