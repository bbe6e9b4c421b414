"""What platforms say unsigned about an agent or a user: for the record only, never for a decision."""

from collections.abc import Mapping

from authz.core.request import Request

HINTS = frozenset(
    {
        "http-referer",
        "x-openrouter-title",
        "x-title",
        "x-litellm-end-user-id",
        "x-litellm-agent-id",
        "x-litellm-trace-id",
        "x-portkey-metadata",
        "x-portkey-trace-id",
        "x-user-claims",
        "x-amzn-bedrock-agentcore-runtime-session-id",
        "x-amzn-bedrock-agentcore-runtime-user-id",
    }
)
LONGEST = 256
"""Characters of a hint that are kept."""


def hints_of(request: Request) -> Mapping[str, str]:
    """Unsigned hints by header name; empty for most requests."""
    names = HINTS.intersection(request.headers)
    return {name: request.headers[name][:LONGEST] for name in sorted(names)} if names else {}
