"""What a live MCP server lists."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from authz.stores import live_tools
from authz.stores.live_tools import LiveError, read
from tests.integration.running import PATIENCE, ROOT
from tests.wire.gateway import echo, free_port, wait_for


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of the official SDK, which speaks both eras."""
    log = tmp_path_factory.mktemp("live") / "app.log"
    port = free_port()
    with log.open("wb") as said:
        app = subprocess.Popen(
            [sys.executable, "-m", "tests.wire.mcp_app", "crm", str(port)], cwd=ROOT, stderr=said, stdout=said
        )
    try:
        wait_for(port, app.poll, log)
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        app.terminate()
        app.wait(PATIENCE)


@pytest.mark.parametrize("stateless", [True, False])
def test_all_lists_are_read_in_either_era(
    server: str, monkeypatch: pytest.MonkeyPatch, *, stateless: bool
) -> None:
    """A server of the session era knows no `server/discover`."""
    if not stateless:
        monkeypatch.setattr(live_tools, "STATELESS", "2025-06-18")
    found = read(server)

    assert sorted(one["name"] for one in found["tools"]) == ["delete", "search"]
    assert [one["name"] for one in found["prompts"]] == ["triage"]


@pytest.mark.parametrize("url", ["ftp://a", "http://127.0.0.1:1/mcp", "http://"])
def test_a_server_that_cannot_be_reached_is_one_line(url: str) -> None:
    """For a person."""
    with pytest.raises(LiveError) as error:
        read(url, timeout=2)

    assert "\n" not in str(error.value)


def test_an_answer_that_is_no_mcp_is_one_line() -> None:
    """Some other app is there."""
    with echo(free_port()) as app, pytest.raises(LiveError):
        read(f"http://127.0.0.1:{app.port}/")
