"""The `personas` command: names its sub-commands and loads only the one that is asked for."""

import importlib
import sys
from types import MappingProxyType

import click
import typer.main

from authz.cli.failure import Failure

COMMANDS = MappingProxyType(
    {
        "apps": ("authz.cli.apps", "Make App files from an app's own description; pin and compare them."),
        "audit": ("authz.cli.audit", "Read and prove the trail."),
        "check": ("authz.cli.check", "Compile definitions and print every error."),
        "explain": ("authz.cli.explain", "Decide one call offline and show all layers."),
        "export": ("authz.cli.export", "Ship the trail, when the exporter runs apart from `serve`."),
        "keys": ("authz.cli.keys", "Issue, list and revoke Agent Access Keys."),
        "schema": ("authz.cli.schema", "Write JSON Schema for editors."),
        "serve": ("authz.cli.serve", "Run the authorizer."),
        "test": ("authz.cli.test", "Run the tests inside personas and `*.cases.yaml`."),
    }
)


class _Lazy(click.Group):
    """Imports a sub-command's module when it is used: `--help` and completion stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = typer.main.get_command(importlib.import_module(COMMANDS[cmd_name][0]).app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="agent-personas", prog_name="personas")
def personas() -> None:
    """Hold every call of an agent to the job that the agent was deployed to do."""


def run() -> None:
    """Run the command line; a `Failure` is one line and a status, never a traceback."""
    try:
        personas(prog_name="personas")
    except Failure as failure:
        sys.stderr.write(f"personas: {failure}\n")
        sys.exit(failure.code)
    except BrokenPipeError:
        sys.exit(1)


if __name__ == "__main__":
    run()
