"""What is worked out once for each MCP app, so that no call pays for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from authz.core.app import App, Tool
from authz.decode.mcp.agreement import Mirror, mirrors
from authz.decode.mcp.uris import Patterns


@dataclass(frozen=True, slots=True)
class Called:
    """A tool or prompt, and where its call carries what."""

    tool: Tool
    target: tuple[str, ...]
    """Path of the argument that says what the call is about; empty for none."""
    mirrored: tuple[Mirror, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """One MCP app as calls find it."""

    tools: Mapping[str, Called]
    prompts: Mapping[str, Called]
    resources: Patterns
    client_requests: frozenset[str]

    @staticmethod
    def of(app: App) -> "Plan":
        """Prepare `app`."""
        return Plan(
            tools={name: _called(tool) for name, tool in app.tools.items()},
            prompts={name: _called(tool) for name, tool in app.prompts.items()},
            resources=Patterns(app.resources),
            client_requests=app.client_requests,
        )


NO_PLAN = Plan(tools={}, prompts={}, resources=Patterns(()), client_requests=frozenset())
"""For an app that no definition names."""


def _called(tool: Tool) -> Called:
    return Called(tool, tuple(tool.target.split(".")) if tool.target else (), mirrors(tool))
