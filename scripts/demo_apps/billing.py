"""The demo's billing system: plain REST on Starlette, with its OpenAPI document. Knows nothing of personas.

Amounts are whole cents.
"""

import json
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from scripts.demo_apps.state import State, arguments
from scripts.demo_apps.web import run

OPENAPI = Path(__file__).parent / "billing.openapi.json"

SEED = {
    "accounts": {
        "A-1": {
            "account": "A-1",
            "customer": "C-2",
            "currency": "EUR",
            "balance": 128450,
            "invoices": [
                {"id": "I-7001", "amount": 3990, "status": "paid"},
                {"id": "I-7002", "amount": 3990, "status": "open"},
            ],
            "adjustments": [],
        },
        "A-2": {
            "account": "A-2",
            "customer": "C-1",
            "currency": "EUR",
            "balance": 0,
            "invoices": [],
            "adjustments": [],
        },
    }
}


def build(state: State) -> Starlette:
    """The app over this state."""

    def find(request: Request) -> dict[str, Any]:
        account = request.path_params["account"]
        if account not in state.data["accounts"]:
            raise HTTPException(404, f"no account `{account}`")
        found: dict[str, Any] = state.data["accounts"][account]
        return found

    async def balance(request: Request) -> JSONResponse:
        return JSONResponse({name: find(request)[name] for name in ("account", "currency", "balance")})

    async def invoices(request: Request) -> JSONResponse:
        return JSONResponse({"invoices": find(request)["invoices"]})

    async def adjust(request: Request) -> JSONResponse:
        account = find(request)
        try:
            amount = (await request.json())["amount"]
        except (ValueError, KeyError, TypeError):
            raise HTTPException(400, "the body is an object with an `amount`") from None
        if not isinstance(amount, int) or isinstance(amount, bool):
            raise HTTPException(400, "`amount` is a whole number of cents")
        account["adjustments"].append(amount)
        account["balance"] += amount
        state.save()
        return JSONResponse({name: account[name] for name in ("account", "currency", "balance")}, 201)

    async def openapi(_: Request) -> JSONResponse:
        return JSONResponse(json.loads(OPENAPI.read_text()))

    return Starlette(
        routes=[
            Route("/v1/openapi.json", openapi),
            Route("/v1/accounts/{account}/balance", balance),
            Route("/v1/accounts/{account}/invoices", invoices),
            Route("/v1/accounts/{account}/adjustments", adjust, methods=["POST"]),
        ],
        exception_handlers={HTTPException: _problem},
    )


async def _problem(_: Request, error: Exception) -> JSONResponse:
    """RFC 9457."""
    status, detail = (error.status_code, error.detail) if isinstance(error, HTTPException) else (500, "")
    body = {"title": detail, "status": status}
    return JSONResponse(body, status, media_type="application/problem+json")


def main() -> None:
    """Serve until stopped."""
    settings = arguments("billing", 8202)
    state = State(settings.state, SEED)
    run(build(state), state, settings)


if __name__ == "__main__":
    main()
