"""`personas control` as a process: it answers, records and drains."""

import hashlib
import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from authz.stores.trail import read_records

PATIENCE = 30.0


def run(state: Path, config: Path, *arguments: str) -> list[str]:
    """The command line."""
    module = [sys.executable, "-m", "authz.cli.main", "control"]
    return [*module, "--state", str(state), "--config", str(config), *arguments]


def published(client: httpx.Client) -> list[object]:
    """The keys that are published, once the server answers."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            keys: list[object] = client.get("/.well-known/jwks.json").json()["keys"]
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return keys


def test_the_control_api_answers_records_and_drains(tmp_path: Path) -> None:
    """The whole way: a provider's request becomes a record, and SIGTERM ends it well."""
    config = tmp_path / "control.yaml"
    hashed = hashlib.sha256(b"okta-token").hexdigest()
    config.write_text(json.dumps({"scim": [{"name": "okta", "issuer": "https://o", "token_sha256": hashed}]}))
    socket = tmp_path / "control.sock"
    process = subprocess.Popen(
        run(tmp_path / "state", config, "--listen", f"unix:{socket}"), stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert re.search("control API on", process.stderr.readline())
    transport = httpx.HTTPTransport(uds=str(socket))
    with httpx.Client(transport=transport, base_url="http://control", timeout=PATIENCE) as client:
        assert len(published(client)) == 1
        headers = {"authorization": "Bearer okta-token"}
        made = client.post("/scim/v2/Users", json={"userName": "bob", "externalId": "1"}, headers=headers)
        assert made.status_code == 201
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE)

    assert process.returncode == 0
    events = [record["event"] for record in read_records(tmp_path / "state") if record["kind"] == "event"]
    assert [event["what"] for event in events if isinstance(event, dict)] == ["scim.user"]


@pytest.mark.parametrize("listen", ["0.0.0.0:9192", "nowhere"])
def test_an_address_that_strangers_reach_must_be_said_aloud(tmp_path: Path, listen: str) -> None:
    """Whoever can talk to it without TLS can read the tokens."""
    (tmp_path / "c.yaml").write_text("{}")
    command = run(tmp_path, tmp_path / "c.yaml", "--listen", listen)
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
