"""The `personas` command: names its sub-commands and imports only the one that is asked for."""

import importlib
import importlib.metadata
import os
import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated

import typer

from authz.cli.failure import Failure

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "approvals": "Answer what agents ask of people.",
        "apps": "Make App files from an app's own description; pin and compare them.",
        "assertions": "Rotate and publish the keys that sign what apps are told.",
        "audit": "Read and prove the trail.",
        "check": "Compile definitions and print every error.",
        "diff": "Show what a change of definitions newly allows and denies.",
        "doctor": "Find what in an Envoy lets a call pass unjudged.",
        "drift": "Show what left its baseline, and since when.",
        "envoy": "Configure the Envoy in front of your apps.",
        "control": "Serve SCIM, Shared Signals and the JWKS of assertions.",
        "explain": "Decide one call offline and show all four layers.",
        "export": "Ship the trail, when the exporter runs apart from `serve`.",
        "keys": "Issue, list and revoke Agent Access Keys.",
        "people": "Whom Shared Signals disabled, and a person's word against it.",
        "replay": "Decide a recorded log under definitions.",
        "schema": "Write JSON Schema for editors.",
        "serve": "Run the authorizer.",
        "shadow": "Roll a persona out: what it would have refused, and when to enforce it.",
        "suggest": "Draft a least-privilege persona from a log.",
        "test": "Run the tests inside personas and `*.cases.yaml`.",
        "usage": "Show permission that nobody used, and limits that are near.",
    }
)


def version(asked: bool) -> None:
    """Print the version and stop."""
    if asked:
        typer.echo(importlib.metadata.version("agent-personas"))
        raise typer.Exit


def personas(
    _version: Annotated[
        bool, typer.Option("--version", callback=version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Hold every call of an agent to the job that the agent was deployed to do."""


def build(asked: frozenset[str]) -> typer.Typer:
    """The command line with the `asked` commands whole and the others by name only.

    A command's module holds `app` (a group) or `command` (a function).
    """
    root = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
    root.callback()(personas)
    for name, text in COMMANDS.items():
        if name not in asked:
            root.command(name, help=text)(_unloaded)
            continue
        module = importlib.import_module(f"authz.cli.{name}")
        group: typer.Typer | None = getattr(module, "app", None)
        if group is not None:
            root.add_typer(group, name=name, help=text, no_args_is_help=True)
        else:
            command: Callable[..., None] = module.command
            root.command(name, help=text)(command)
    return root


def _unloaded() -> None:
    """Stands for a command that was not asked for."""


def run() -> None:
    """Run the command line; a `Failure` is one line and a status, never a traceback."""
    completing = any(name.endswith("_COMPLETE") for name in os.environ)
    asked = frozenset(COMMANDS) if completing else frozenset(sys.argv[1:2]) & COMMANDS.keys()
    try:
        build(asked)(prog_name="personas")
    except Failure as failure:
        sys.stderr.write(f"personas: {failure}\n")
        sys.exit(failure.code)
    except BrokenPipeError:
        sys.exit(1)


if __name__ == "__main__":
    run()
