"""The example for app teams: an app that refuses what nobody vouches for."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from authz.core.call import Agent, Caller
from authz.identity.assertion import Vouch
from authz.server import clock
from authz.stores.assertion_keys import open_assertion_keys
from scripts.demo_apps.billing import SEED, build
from scripts.demo_apps.state import State
from scripts.demo_apps.vouched import Vouched, billing_tool

CALLER = Caller(agent=Agent(id="support-summarizer"), user="alice@example.com", persona="p", key="k")


@pytest.mark.parametrize(
    ("tool", "app", "seconds", "status"),
    [
        ("get_balance", "billing", 0, 200),
        ("adjust_balance", "billing", 0, 403),
        ("get_balance", "crm", 0, 403),
        ("get_balance", "billing", -120, 403),
    ],
)
async def test_the_billing_app_refuses_an_assertion_for_another_tool(
    tmp_path: Path, tool: str, app: str, seconds: int, status: int
) -> None:
    """What opens one call for one minute opens no other."""
    keys = open_assertion_keys(tmp_path, clock.now())
    billing = Vouched(
        build(State(tmp_path / "billing.json", SEED)),
        name="billing",
        tool=billing_tool,
        jwks=lambda: keys.jwks(clock.now()),
    )
    at = clock.now() + timedelta(seconds=seconds)
    text = keys.signer(at).sign(Vouch(caller=CALLER, persona="p", app=app, tool=tool), at, "j")
    transport = httpx.ASGITransport(billing)
    async with httpx.AsyncClient(transport=transport, base_url="http://billing") as client:
        headers = {"x-persona-assertion": text}
        assert (await client.get("/v1/accounts/A-1/balance", headers=headers)).status_code == status
        assert (await client.get("/v1/accounts/A-1/balance")).status_code == 403
        assert (await client.get("/v1/accounts/A-1/nothing", headers=headers)).status_code == 403
        assert (await client.get("/v1/openapi.json")).status_code == 200
