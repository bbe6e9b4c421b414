"""Issuers' keys, from a real server that rotates, breaks, redirects and goes away."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from authz.core.binding import Binding, Pick
from authz.core.decision import Refusal
from authz.core.definitions import Definitions
from authz.core.reason import Reason
from authz.core.request import Request
from authz.identity.ladder import identify
from authz.identity.ring import KeyRing
from authz.stores.issuers import FetchError, Issuers, fetch
from tests.identity.issuers import AT, NOW, key_of, signed

ISSUER = "https://idp.example.com"
CLAIMS = {"iss": ISSUER, "aud": "tools", "sub": "alice", "iat": NOW, "exp": NOW + 300}


class Provider(ThreadingHTTPServer):
    """An issuer that publishes what a test says."""

    daemon_threads = True
    status = 200
    body = b""
    asked = 0

    @property
    def url(self) -> str:
        """Where its keys are."""
        return f"http://127.0.0.1:{self.server_address[1]}/jwks"

    def publish(self, *names: str) -> None:
        """Publish these keys."""
        keys = [{**key_of(name).as_dict(private=False), "use": "sig"} for name in names]
        self.body = json.dumps({"keys": keys}).encode()


class _Answers(BaseHTTPRequestHandler):
    server: Provider

    def do_GET(self) -> None:
        """Answer as the test says."""
        self.server.asked += 1
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("location", self.server.url)
        self.send_header("content-length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_arguments: object) -> None:
        """Quiet."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    """A provider with one key."""
    with serving() as found:
        found.publish("k1")
        yield found


@contextmanager
def serving() -> Iterator[Provider]:
    """A server in a thread of its own."""
    with Provider(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def definitions(url: str) -> Definitions:
    """One binding, one person."""
    binding = Binding(
        name="one",
        issuer=ISSUER,
        audiences=frozenset({"tools"}),
        jwks=url,
        algorithms=frozenset({"RS256"}),
        agent=Pick(value="a"),
        persona=Pick(value="p"),
    )
    return Definitions(bindings=(binding,), subjects={f"{ISSUER}|alice": "alice@example.com"})


def issuers_of(url: str, folder: Path) -> Issuers:
    """The store, for one issuer."""
    return Issuers(definitions(url), folder, lambda _name, _at: False)


def reason(issuers: Issuers, name: str) -> Reason | None:
    """Why a token signed with that key is refused; None when it is not."""
    request = Request(headers={"authorization": f"Bearer {signed(CLAIMS, name=name)}"})
    try:
        identify(request, AT, KeyRing.of([], b"p"), issuers.believed())
    except Refusal as refusal:
        return refusal.objection.reason
    return None


@contextmanager
def followed(issuers: Issuers, *, every: float = 300.0, at_most: float = 0.0) -> Iterator[None]:
    """The follower at work, at a pace for tests."""
    following = asyncio.create_task(issuers.follow(tick=0.01, every=every, at_most=at_most))
    try:
        yield
    finally:
        following.cancel()


async def until(holds: Callable[[], bool]) -> None:
    """Look until something is true."""
    deadline = asyncio.get_running_loop().time() + 5
    while not holds() and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 - a thread's work
        await asyncio.sleep(0.01)
    assert holds()


async def test_a_rotation_is_followed_without_a_restart(provider: Provider, tmp_path: Path) -> None:
    """The first token with a new key is refused, and makes the key be fetched; the next one passes."""
    issuers = issuers_of(provider.url, tmp_path)
    assert reason(issuers, "k1") is Reason.CREDENTIAL_UNKNOWN
    with followed(issuers):
        await until(lambda: reason(issuers, "k1") is None)
        provider.publish("k1", "k2")
        await until(lambda: reason(issuers, "k2") is None)
        assert reason(issuers, "k1") is None


async def test_a_key_that_was_taken_back_ends_what_was_verified_with_it(
    provider: Provider, tmp_path: Path
) -> None:
    """A compromised key is removed by its issuer: remembered tokens must not outlive it."""
    issuers = issuers_of(provider.url, tmp_path)
    with followed(issuers, every=0.05):
        await until(lambda: reason(issuers, "k1") is None)
        provider.publish("k2")
        await until(lambda: reason(issuers, "k1") is Reason.CREDENTIAL_UNKNOWN)


@pytest.mark.parametrize("status", [500, 302, 404])
async def test_keys_go_on_while_their_issuer_is_broken(
    provider: Provider, tmp_path: Path, status: int
) -> None:
    """An outage of a provider is no outage of agents that were known."""
    issuers = issuers_of(provider.url, tmp_path)
    with followed(issuers, every=0.02):
        await until(lambda: reason(issuers, "k1") is None)
        provider.status = status
        await until(lambda: provider.url in issuers.problems)
        assert reason(issuers, "k1") is None
        provider.status = 200
        provider.body = b" " * (10 << 20)
        await until(lambda: "bytes" in issuers.problems.get(provider.url, ""))
        assert reason(issuers, "k1") is None


async def test_a_restart_needs_no_issuer(provider: Provider, tmp_path: Path) -> None:
    """What was fetched is kept; a damaged copy is as none."""
    issuers = issuers_of(provider.url, tmp_path)
    with followed(issuers):
        await until(lambda: any(tmp_path.glob("*.json")))

    assert reason(issuers_of(provider.url, tmp_path), "k1") is None
    spoil(tmp_path)
    assert reason(issuers_of(provider.url, tmp_path), "k1") is Reason.CREDENTIAL_UNKNOWN


def spoil(folder: Path) -> None:
    """Damage what is kept."""
    for path in folder.glob("*.json"):
        path.write_bytes(b"{")


async def test_strangers_cannot_make_us_ask_again_and_again(provider: Provider, tmp_path: Path) -> None:
    """Made-up key ids are many; the issuer is asked once a while."""
    issuers = issuers_of(provider.url, tmp_path)
    with followed(issuers, at_most=10.0):
        await until(lambda: reason(issuers, "k1") is None)
        for _ in range(50):
            assert reason(issuers, "made-up") is Reason.CREDENTIAL_UNKNOWN
            await asyncio.sleep(0.002)
    assert provider.asked == 1


def test_new_definitions_take_effect_at_once(tmp_path: Path) -> None:
    """A binding that was taken away, or a subject that is another's now, must not be remembered."""
    with serving() as server:
        server.publish("k1")
        issuers = issuers_of(server.url, tmp_path)
        issuers._keep(server.url, server.body)  # noqa: SLF001 - as a fetch would have
        issuers.accept(definitions(server.url))
        assert reason(issuers, "k1") is None
        issuers.accept(replace(definitions(server.url), subjects={}))
        assert reason(issuers, "k1") is Reason.USER_UNKNOWN
        issuers.accept(Definitions())
        assert issuers.believed() is None
        assert reason(issuers, "k1") is Reason.CREDENTIAL_UNKNOWN


def test_only_the_web_is_asked_and_a_silent_host_is_given_up() -> None:
    """`file:` and the like would read our own machine."""
    for url in ("file:///etc/passwd", "ftp://127.0.0.1/x", "http://127.0.0.1:1/x"):
        with pytest.raises(FetchError):
            fetch(url)
