"""What an app team adds to refuse calls that nobody vouches for: a Starlette middleware around any app.

Every request must carry an `x-persona-assertion` for this app and for the very tool that its route is. Shown
around the demo's billing app, which knows nothing of it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from authz.identity.verifier import NotVouchedFor, trusted_keys, verify_assertion

Tool = Callable[[str, str], str | None]
"""Method and path to the name of the tool; None for what is open to all."""


class Vouched:
    """Lets a request through if the authorizer vouches for it."""

    def __init__(self, app: ASGIApp, *, name: str, tool: Tool, jwks: Callable[[], Mapping[str, Any]]) -> None:
        self._app = app
        self._name = name
        self._tool = tool
        self._jwks = jwks
        """The authorizer's published keys: fetched now and again by who calls this."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or answer 403."""
        if scope["type"] == "http":
            request = Request(scope)
            tool = self._tool(request.method, request.url.path)
            if tool is not None:
                text = request.headers.get("x-persona-assertion", "")
                keys = trusted_keys(self._jwks())
                try:
                    who = verify_assertion(text, keys, app=self._name, tool=tool, at=datetime.now(UTC))
                except NotVouchedFor as error:
                    problem = {"title": f"nobody vouches for this call: {error}", "status": 403}
                    answer = JSONResponse(problem, 403, media_type="application/problem+json")
                    await answer(scope, receive, send)
                    return
                scope["state"] = {**scope.get("state", {}), "who": who}
        await self._app(scope, receive, send)


def billing_tool(method: str, path: str) -> str | None:
    """The tools of the billing app, as its App document names them."""
    parts = path.strip("/").split("/")
    if len(parts) == 4 and parts[:2] == ["v1", "accounts"]:  # noqa: PLR2004 - /v1/accounts/{account}/...
        names = {("GET", "balance"): "get_balance", ("GET", "invoices"): "list_invoices"}
        names[("POST", "adjustments")] = "adjust_balance"
        return names.get((method, parts[3]), "unknown")
    return None if path == "/v1/openapi.json" else "unknown"
