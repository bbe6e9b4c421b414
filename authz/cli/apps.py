"""`personas apps`: App files from an app's own description, its tools pinned, and what changed since."""

import os
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Annotated

import orjson
import typer

from authz.cli.failure import Failure
from authz.compiler import DefinitionsError
from authz.core.app import App
from authz.importers import (
    Draft,
    ImportProblem,
    app_document,
    changes,
    from_descriptors,
    from_mcp,
    from_openapi,
    lists_of,
    pinned_file,
)
from authz.stores.definitions import PINNED_SUFFIX, load
from authz.stores.live_tools import LiveError, read

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
MAX_BYTES = 64 * 1024 * 1024
DIFFERS = 4

Headers = Annotated[
    list[str] | None, typer.Option("--header", help="`NAME: VALUE` for the app; repeat for several.")
]


@app.callback()
def apps() -> None:
    """Make App files from an app's own description; pin and compare them."""


@app.command("import")
def import_(
    *,
    name: Annotated[str, typer.Option(help="Name of the app: small letters, digits, hyphens.")],
    mcp: Annotated[str, typer.Option(help="File with the result of `tools/list`, or the server's URL.")] = "",
    openapi: Annotated[str, typer.Option(help="OpenAPI document, JSON or YAML: file or URL.")] = "",
    descriptors: Annotated[Path | None, typer.Option(help="FileDescriptorSet of a gRPC app.")] = None,
    url: Annotated[str, typer.Option(help="Where the app is, if its description does not say.")] = "",
    header: Headers = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for NAME.yaml and what lies beside it; without it, to standard output."),
    ] = None,
) -> None:
    """Write an App definition. Every tool in it is denied until a person removes `review: true`."""
    if sum(map(bool, (mcp, openapi, descriptors))) != 1:
        raise Failure("say one of --mcp, --openapi and --descriptors")
    beside: dict[str, bytes] = {}
    try:
        if mcp:
            data = orjson.dumps(read(mcp, _headers(header))) if _is_url(mcp) else _file(Path(mcp))
            draft = from_mcp(data)
            beside[f"{name}{PINNED_SUFFIX}"] = pinned_file(lists_of(data))
            url = url or (mcp if _is_url(mcp) else "")
        elif openapi:
            draft = from_openapi(
                _fetched(openapi, _headers(header)) if _is_url(openapi) else _file(Path(openapi))
            )
        else:
            content = _file(descriptors or Path())
            draft = from_descriptors(content)
            beside[f"{name}.binpb"] = content
        described = f"{name}.binpb" if descriptors and out is not None else ""
        text = app_document(name, draft, url=url, descriptors=described)
    except (ImportProblem, LiveError) as problem:
        raise Failure(f"{mcp or openapi or descriptors}: {problem}") from None
    _deliver(name, draft, text, beside, out)


def _deliver(name: str, draft: Draft, text: str, beside: dict[str, bytes], out: Path | None) -> None:
    for line in draft.left_out:
        typer.echo(f"left out: {line}", err=True)
    if out is None:
        typer.echo(text, nl=False)
        return
    target = out / f"{name}.yaml"
    if target.exists():
        raise Failure(f"{target} is there already: import beside it, then compare")
    _write(target, text.encode())
    for file, content in beside.items():
        _write(out / file, content)
    typer.echo(
        f"{len(draft.tools)} tools, each to be looked at: remove `review: true` where you agree", err=True
    )


@app.command()
def pin(
    *,
    names: Annotated[
        list[str] | None, typer.Argument(help="Apps; all that speak MCP when none is named.")
    ] = None,
    defs: Annotated[Path, typer.Option(help="Folder of definitions.")],
    header: Headers = None,
) -> None:
    """Write each tool's full definition, as the live server has it now, to NAME.tools.json."""
    for one in _asked(defs, names or []):
        live = _live(one, header)
        target = _pins(defs, one)
        content = pinned_file(live)
        before = target.read_bytes() if target.exists() else None
        if before is not None:
            _show(one.name, before, live)
        if before != content:
            _write(target, content)
        undefined = sorted(set(_names(live)) - one.tools.keys())
        typer.echo(f"{one.name}: {len(live.get('tools', []))} tools pinned in {target}", err=True)
        if undefined:
            typer.echo(f"{one.name}: in no definition, so denied: {', '.join(undefined)}", err=True)


@app.command()
def diff(
    *,
    names: Annotated[
        list[str] | None, typer.Argument(help="Apps; all that speak MCP when none is named.")
    ] = None,
    defs: Annotated[Path, typer.Option(help="Folder of definitions.")],
    header: Headers = None,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with 4 when something differs.")
    ] = False,
) -> None:
    """Show what the live servers say otherwise than was pinned."""
    differs = False
    for one in _asked(defs, names or []):
        target = _pins(defs, one)
        if not target.exists():
            raise Failure(f"{target}: nothing is pinned: `personas apps pin --defs {defs} {one.name}`")
        differs |= _show(one.name, target.read_bytes(), _live(one, header))
    if differs and exit_code:
        raise typer.Exit(DIFFERS)


def _show(name: str, pinned: bytes, live: dict[str, list[object]]) -> bool:
    """Print what differs; whether anything does."""
    try:
        found = changes(pinned, live)
    except ImportProblem as problem:
        raise Failure(f"{name}{PINNED_SUFFIX}: {problem}") from None
    for one in found:
        printable = "".join(letter for letter in one.name if letter.isprintable())
        typer.echo(f"{name}\t{one.kind}\t{printable}\t{one.what}")
    return bool(found)


def _asked(defs: Path, names: list[str]) -> list[App]:
    try:
        known = load(defs).definitions.apps
    except DefinitionsError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        raise Failure(f"{len(error.problems)} errors in {defs}", code=1) from None
    for name in names:
        if name not in known or known[name].protocol != "mcp":
            raise Failure(f"`{name}` is no MCP app of {defs}")
    found = [known[name] for name in names] or [one for one in known.values() if one.protocol == "mcp"]
    if not found:
        raise Failure(f"{defs}: no app that speaks MCP")
    return found


def _live(one: App, header: list[str] | None) -> dict[str, list[object]]:
    if not one.url:
        raise Failure(f"app `{one.name}` has no `upstream.url` to read from")
    try:
        return read(one.url, _headers(header))
    except LiveError as error:
        raise Failure(str(error)) from None


def _names(live: dict[str, list[object]]) -> list[str]:
    tools = live.get("tools", [])
    return [one["name"] for one in tools if isinstance(one, dict) and isinstance(one.get("name"), str)]


def _pins(defs: Path, one: App) -> Path:
    folder = defs if defs.is_dir() else defs.parent
    return folder / f"{one.name}{PINNED_SUFFIX}"


def _headers(given: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in given or []:
        name, separator, value = one.partition(":")
        if not separator or not name.strip():
            raise Failure(f"--header `{name[:40]}`: write it as `NAME: VALUE`")
        found[name.strip().lower()] = value.strip()
    return found


def _is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def _fetched(url: str, headers: dict[str, str]) -> bytes:
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - http(s) only, see `_is_url`
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
            content: bytes = answer.read(MAX_BYTES)
            return content
    except OSError as error:
        raise Failure(f"{url}: {getattr(error, 'reason', None) or error}") from None


def _file(path: Path) -> bytes:
    try:
        return sys.stdin.buffer.read(MAX_BYTES) if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise Failure(f"{path}: {(error.strerror or str(error)).lower()}") from None


def _write(target: Path, content: bytes) -> None:
    """Whole or not at all."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
            file.write(content)
        Path(file.name).chmod(0o644)
        os.replace(file.name, target)  # noqa: PTH105 - atomic, over what is there
    except OSError as error:
        raise Failure(f"{error.filename or target}: {(error.strerror or str(error)).lower()}") from None
