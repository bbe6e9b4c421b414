"""Asking a transmitter for its signals: a real server that hands out SETs until they are acknowledged."""

import asyncio
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from authz.server.control import Control
from authz.server.control_poll import poll
from authz.server.control_settings import ControlSettings, SignalIssuer
from authz.stores.assertion_keys import open_assertion_keys
from authz.stores.people import PeopleStore
from tests.identity.issuers import AT, published
from tests.server.test_control import OKTA, event


class Transmitter(ThreadingHTTPServer):
    """Holds SETs by id until they are acknowledged or refused."""

    daemon_threads = True
    sets: dict[str, str]
    asked: list[dict[str, Any]]
    authorization: set[str | None]


class _Answers(BaseHTTPRequestHandler):
    server: Transmitter

    def do_POST(self) -> None:
        """RFC 8936 section 2."""
        said = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append(said)
        self.server.authorization.add(self.headers["authorization"])
        for name in [*said["ack"], *said.get("setErrs", {})]:
            self.server.sets.pop(name, None)
        body = json.dumps({"sets": self.server.sets, "moreAvailable": False}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""


async def test_signals_are_asked_for_taken_once_and_acknowledged(tmp_path: Path) -> None:
    """A transmitter that cannot reach us is asked; what is no good is told and not asked for again."""
    server = Transmitter(("127.0.0.1", 0), _Answers)
    server.sets = {
        "s1": event("risc/event-type/account-disabled", jti="s1"),
        "bad": event("risc/event-type/account-disabled", jti="bad", aud="someone else"),
    }
    server.asked, server.authorization = [], set()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    (tmp_path / "token").write_text("ours\n")
    issuer = SignalIssuer(
        issuer="https://signals.example.com",
        audience="personas",
        jwks="https://signals.example.com/jwks",
        subjects_of=frozenset({OKTA}),
        poll=f"http://127.0.0.1:{server.server_address[1]}/poll",
        poll_token=tmp_path / "token",
        poll_seconds=0.05,
    )
    people = PeopleStore(tmp_path / "people.sqlite")
    control = Control(
        settings=ControlSettings(signals=(issuer,)),
        people=people,
        assertions=open_assertion_keys(tmp_path, AT),
        jwks=lambda _url: published("k1"),
        clock=lambda: AT,
    )
    asking = asyncio.create_task(poll(control, issuer))
    deadline = asyncio.get_running_loop().time() + 10
    while server.sets and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - a thread's work
        await asyncio.sleep(0.01)
    asking.cancel()
    server.shutdown()
    thread.join()
    server.server_close()

    assert server.sets == {}
    assert people.people().disabled == {f"{OKTA}|00u1"}
    people.close()
    assert server.authorization == {"Bearer ours"}
    assert [said["ack"] for said in server.asked[:2]] == [[], ["s1"]]
    assert server.asked[1]["setErrs"]["bad"]["err"] == "invalid_audience"
