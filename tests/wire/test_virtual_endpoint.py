"""One address, one key, many apps: the official MCP client of both eras, through the real Envoy."""

import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager

import httpx
import httpx2
import pytest
from mcp.client import Client
from mcp.client.client import ConnectMode
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from tests.integration.running import PATIENCE, ROOT
from tests.wire.case import HERE
from tests.wire.gateway import Gateway, copied, free_port, gateway, wait_for

ERAS: list[ConnectMode] = ["legacy", "2026-07-28", "auto"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, str]]:
    """Two MCP apps behind one endpoint, and a key."""
    folder = tmp_path_factory.mktemp("virtual")
    ports = {"18081": free_port(), "18082": free_port()}
    with ExitStack() as stack:
        for name, port in zip(("crm", "wiki"), ports.values(), strict=True):
            log = folder / f"{name}.log"
            said = stack.enter_context(log.open("wb"))
            command = [sys.executable, "-m", "tests.wire.mcp_app", name, str(port)]
            app = subprocess.Popen(command, cwd=ROOT, stderr=said, stdout=said)
            stack.callback(app.wait, PATIENCE)
            stack.callback(app.terminate)
            wait_for(port, app.poll, log)
        definitions = copied(HERE / "virtual_defs", folder / "defs", ports)
        found = stack.enter_context(gateway(folder, definitions))
        yield found, found.key("prober", "searcher")


@asynccontextmanager
async def connected(running: tuple[Gateway, str], mode: ConnectMode) -> AsyncIterator[Client]:
    """The official client on the virtual endpoint."""
    gate, key = running
    async with httpx2.AsyncClient(headers={"authorization": f"Bearer {key}"}, timeout=30) as http:
        transport = streamable_http_client(f"http://127.0.0.1:{gate.port}/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


@pytest.mark.parametrize("mode", ERAS)
async def test_the_toolset_is_that_of_the_persona_in_the_words_that_were_pinned(
    running: tuple[Gateway, str], mode: ConnectMode
) -> None:
    """Nothing else is visible, and a description that nobody has read never reaches the agent."""
    async with connected(running, mode) as client:
        tools = (await client.list_tools()).tools
        prompts = (await client.list_prompts()).prompts

    assert {one.name: one.description for one in tools} == {
        "crm__search": "Search in crm.",
        "wiki__search": "Search in wiki.",
    }
    assert [one.name for one in prompts] == ["crm__triage"]


@pytest.mark.parametrize("mode", ERAS)
async def test_two_apps_with_a_tool_of_one_name_are_both_usable(
    running: tuple[Gateway, str], mode: ConnectMode
) -> None:
    """Each call reaches the app that its name carries."""
    async with connected(running, mode) as client:
        said = [
            (await client.call_tool(name, {"query": "größe"})).content[0]
            for name in ("crm__search", "wiki__search", "crm__search")
        ]
        prompt = await client.get_prompt("crm__triage", {"topic": "x"})

    assert [getattr(one, "text", "") for one in said] == [
        "crm found größe",
        "wiki found größe",
        "crm found größe",
    ]
    assert getattr(prompt.messages[0].content, "text", "") == "crm says: begin with x"


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("name", ["crm__delete", "wiki__delete", "search", "crm__nothing", "nowhere__search"])
async def test_nothing_else_is_callable(running: tuple[Gateway, str], mode: ConnectMode, name: str) -> None:
    """Not what the persona lacks, not what no definition names, not a name without an app."""
    async with connected(running, mode) as client:
        result = await client.call_tool(name, {"contact": "x", "query": "x"})

    assert result.is_error
    assert "tool." in getattr(result.content[0], "text", "")


@pytest.mark.parametrize("mode", ERAS)
async def test_resources_are_read_by_the_address_of_their_app(
    running: tuple[Gateway, str], mode: ConnectMode
) -> None:
    """The endpoint lists none, and none can be read through it: an address carries no app."""
    async with connected(running, mode) as client:
        assert (await client.list_resources()).resources == []
        with pytest.raises(MCPError):
            await client.read_resource("file:///reports/a")


async def test_the_app_is_chosen_by_the_authorizer_and_not_by_the_client(
    running: tuple[Gateway, str],
) -> None:
    """A client that names another app in our header gets the one that was judged, or none."""
    gate, key = running
    headers = {
        "authorization": f"Bearer {key}",
        "x-persona-app": "wiki",
        "accept": "application/json, text/event-stream",
    }
    call = {"name": "crm__search", "arguments": {"query": "x"}}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{gate.port}", headers=headers) as http:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        judged = await http.post("/mcp", json=body)
        bare = await http.post("/mcp", json={**body, "params": {**call, "name": "search"}})
        stream = await http.get("/mcp")

    assert "crm found x" in judged.text
    assert "tool.unknown" in bare.text
    assert stream.status_code == 405


async def test_without_a_key_nobody_is_told_anything(running: tuple[Gateway, str]) -> None:
    """Not even what tools there are."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running[0].port}") as http:
        answer = await http.post("/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/list"})

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")
