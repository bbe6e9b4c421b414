"""Secrets that are planted in requests are nowhere to be found: trail, spans, logs, sinks, reports."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from authz.export import Shipper, Sink
from authz.export.file import File
from authz.export.forms import Form
from authz.export.otlp import OtlpGrpc
from authz.export.webhook import Webhook
from tests.export.http_receivers import http_receiver
from tests.export.receivers import otlp_receiver, until
from tests.server.world import World, check, tool_call, world

ARGUMENT = "PLANTED-argument-4711"
NESTED = "PLANTED-nested-value"
COOKIE = "PLANTED-cookie-jar"
QUERY = "PLANTED-query-string"
JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJQTEFOVEVEIn0.c2lnbmF0dXJlUExBTlRFRA"
GITHUB = "ghp_PLANTED" + "a" * 30
GARBAGE = "PLANTED-in-a-broken-body"


def _requests(here: World) -> list[bytes]:
    """Requests that carry secrets wherever a client can put one."""
    key = here.key()
    headers = {"cookie": f"session={COOKIE}", "x-api-key": GITHUB}
    arguments: dict[str, object] = {
        "ticket": ARGUMENT,
        "deep": {"er": [NESTED, {"token": GITHUB}]},
        "count": 471147114711,
    }
    return [
        check(key=key, headers=headers, body=tool_call("get_ticket", **arguments)),
        check(key=key, headers=headers, body=tool_call("close_ticket", **arguments)),
        check(key=key, headers=headers, body=tool_call(f"steal {JWT}", **arguments)),
        check(key=key, headers=headers, body=b'{"jsonrpc": "2.0", "id": 1, "x": "' + GARBAGE.encode()),
        check(
            "GET", f"/v1/accounts/{ARGUMENT}/balance?token={QUERY}", key=key, app="billing", headers=headers
        ),
        check("GET", f"/v1/export?token={QUERY}", key=key, app="billing", headers=headers),
        check("DELETE", f"/v1/accounts/{ARGUMENT}?t={QUERY}", key=key, app="billing", headers=headers),
        check(
            headers={**headers, "authorization": f"Bearer {JWT}"}, body=tool_call("get_ticket", **arguments)
        ),
        check(headers={**headers, "authorization": "Basic UExBTlRFRDpQTEFOVEVE"}, body=b"{}"),
        check(key=key[:-1] + ("a" if key[-1] != "a" else "b"), headers=headers, body=b"{}"),
    ]


def test_planted_secrets_are_nowhere(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Whoever reads the trail must not be able to act as the agents in it."""
    caplog.set_level(logging.DEBUG)
    state = tmp_path / "state"
    with world(state) as here:
        key = here.key()
        here.ask(
            *_requests(here),
            check(key=key, headers={"mcp-session-id": JWT}, body=tool_call("get_ticket")),
        )
        decided = len(here.records())
    assert decided == 11
    shown = _shipped(state, tmp_path, decided) + caplog.text.encode() + _said(state, tmp_path)
    shown += b"".join(path.read_bytes() for path in (state / "trail/chains").glob("*/*.jsonl"))

    secret = key.rpartition("_")[2]
    for planted in (
        ARGUMENT,
        NESTED,
        COOKIE,
        QUERY,
        JWT,
        GITHUB,
        GARBAGE,
        "471147114711",
        secret,
        "UExBTlRFRD",
    ):
        at = shown.find(planted.encode())
        assert at < 0, shown[max(0, at - 300) : at + 100]
    assert b"keyed:" in shown


def _shipped(state: Path, folder: Path, decided: int) -> bytes:
    """What sinks of every form got."""
    with otlp_receiver() as collector, http_receiver() as hook:
        sinks: list[Sink] = [OtlpGrpc(collector.endpoint), Webhook(hook.url)]
        sinks += [File(folder / form, name=form, form=form) for form in Form]
        shippers = [Shipper(state, sink) for sink in sinks]
        for shipper in shippers:
            shipper.start()
        until(lambda: len(collector.spans) == decided and bool(hook.taken))
        for shipper in shippers:
            shipper.stop()
            assert shipper.join(10)
    spans = b"".join(request.SerializeToString() for request in collector.requests)
    files = b"".join((folder / form).read_bytes() for form in Form)
    return spans + files + b"".join(post.body for post in hook.taken)


def _said(state: Path, folder: Path) -> bytes:
    """What people are shown."""
    page = folder / "page.html"
    commands = (["show"], ["show", "--json"], ["export", "--format", "csv"], ["report", "-o", str(page)])
    said = b""
    for words in commands:
        command = [sys.executable, "-m", "authz.cli.main", "audit", *words, "--state", str(state)]
        said += subprocess.run(command, capture_output=True, check=True).stdout
    return said + page.read_bytes()
