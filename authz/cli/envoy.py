"""`personas envoy render`: Envoy's configuration for the apps in a folder of definitions."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from authz.cli.failure import Failure
from authz.compiler import DefinitionsError
from authz.render import Choices, static_bootstrap, unreachable_by_path, upstreams_of, watched_files
from authz.stores.definitions import load

DEFAULTS = Choices()
app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def envoy() -> None:
    """Configure the Envoy in front of your apps."""


@app.command()
def render(
    *,
    defs: Annotated[Path, typer.Option(help="Folder of definitions.")],
    listen: Annotated[str, typer.Option(help="ADDRESS:PORT where agents connect.")] = DEFAULTS.listen,
    authorizer: Annotated[
        str, typer.Option(help="unix:PATH or HOST:PORT of `personas serve`.")
    ] = DEFAULTS.authorizer,
    max_request_bytes: Annotated[
        int, typer.Option(min=1, max=16 * 1024 * 1024, help="Longest body that is judged.")
    ] = DEFAULTS.max_request_bytes,
    stream_seconds: Annotated[
        int, typer.Option(min=1, max=86400, help="How long a stream lasts until it is judged again.")
    ] = DEFAULTS.stream_seconds,
    virtual: Annotated[
        str, typer.Option(help="Path of the virtual MCP endpoint; empty for none.")
    ] = DEFAULTS.virtual_path,
    access_log: Annotated[
        str, typer.Option(help="unix:PATH or HOST:PORT of `access_log:` of the service; empty for none.")
    ] = DEFAULTS.access_log,
    resource: Annotated[str, typer.Option(help="URL of the resource for OAuth clients (RFC 9728).")] = "",
    authorization_server: Annotated[
        list[str] | None, typer.Option(help="Issuer that the metadata names; repeat for several.")
    ] = None,
    otlp: Annotated[str, typer.Option(help="HOST:PORT of a collector for Envoy's own spans.")] = "",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for files that Envoy watches; without it, one file on standard output."),
    ] = None,
) -> None:
    """Write the complete configuration, as `envoy --mode validate` accepts it."""
    choices = Choices(
        listen=listen,
        authorizer=authorizer,
        max_request_bytes=max_request_bytes,
        stream_seconds=stream_seconds,
        virtual_path=virtual,
        access_log=access_log,
        resource=resource,
        authorization_servers=tuple(authorization_server or ()),
        otlp=otlp,
    )
    try:
        definitions = load(defs).definitions
        upstreams, unreachable = upstreams_of(definitions)
        if not upstreams:
            raise Failure(f"{defs}: no app with an `upstream.url` that starts with http:// or https://")
        for name in unreachable:
            typer.echo(f"personas: app `{name}` has no usable `upstream.url`: left out", err=True)
        for name in unreachable_by_path(upstreams):
            typer.echo(
                f"personas: app `{name}` shares paths with another: reached by its host only", err=True
            )
        if out is None:
            typer.echo(_text(static_bootstrap(upstreams, choices)), nl=False)
        else:
            _write(out, watched_files(upstreams, choices, str(out.resolve())))
    except DefinitionsError as error:
        for problem in error.problems:
            typer.echo(str(problem), err=True)
        raise Failure(f"{len(error.problems)} errors in {defs}: nothing rendered", code=1) from None
    except ValueError as error:
        raise Failure(str(error)) from None
    except OSError as error:
        raise Failure(f"{error.filename or out}: {(error.strerror or str(error)).lower()}") from None


def _write(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Each file is moved into its place whole: Envoy watches for just that."""
    folder.mkdir(parents=True, exist_ok=True)
    # Clusters before the routes that lead to them.
    for name in sorted(files, key=["clusters.yaml", "routes.yaml", "listeners.yaml", "envoy.yaml"].index):
        text = _text(files[name])
        target = folder / name
        if target.exists() and target.read_text() == text:
            continue
        with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
            file.write(text)
        Path(file.name).chmod(0o644)
        os.replace(file.name, target)  # noqa: PTH105 - atomic, over what is there
        typer.echo(f"wrote {target}", err=True)


class _Plain(yaml.SafeDumper):
    """Without anchors: each route stands by itself."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True


def _text(tree: Mapping[str, Any]) -> str:
    head = "# Made by `personas envoy render`: change the definitions, not this file.\n"
    return head + yaml.dump(dict(tree), Dumper=_Plain, sort_keys=False, width=110, allow_unicode=True)
