"""A shared history: exact under races, quick to refuse when the store is down, whole again by itself."""

import asyncio
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from authz.core.decision import Refusal
from authz.core.history import Outcome
from authz.core.persona import Persona
from authz.core.reason import Reason
from authz.core.rule import Calls, Probes, Repeats, Rule
from authz.stores.histories_client import Client
from authz.stores.histories_redis import OnStoreFailure, RedisHistories
from authz.stores.histories_resp import Reply, StoreError, parse_url
from tests.behaviour.builders import build_call, build_persona, build_rule
from tests.stores.redis_server import ClusterNode, RedisServer
from tests.stores.test_histories import end, every_kind, observe

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.system("redis-server")


def limited(maximum: float, *more: Rule) -> Persona:
    """A persona with a budget of calls."""
    return build_persona(build_rule(Calls(per=HOUR), maximum, "calls"), *more)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis of its own, to be stopped and hung."""
    with RedisServer(tmp_path) as running:
        yield running


async def opened(url: str, **more: object) -> RedisHistories:
    """A store, connected."""
    histories = RedisHistories(url, uuid.uuid4().bytes, **more)  # type: ignore[arg-type]  # any of its options
    await histories.start()
    return histories


async def until(true: Callable[[], bool], seconds: float = 5) -> None:
    """Poll, with a deadline."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def test_four_processes_share_exactly_fifty_places(server: RedisServer) -> None:
    """Four workers, or two machines' worth of workers, are one caller's one budget."""
    with ExitStack() as stack:
        racers = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.stores.histories_racer", server.url, "one", "50", "50"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
            for _ in range(4)
        ]
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        passed = [int(racer.communicate()[0]) for racer in racers]

    assert sum(passed) == 50


async def test_an_outcome_reaches_the_history_through_another_worker(server: RedisServer) -> None:
    """Envoy's access log goes to whichever worker holds the stream."""
    key = uuid.uuid4().bytes
    first, second = (RedisHistories(server.url, key, patience=5) for _ in range(2))
    await first.start()
    await second.start()
    job = build_persona(build_rule(Probes(outcomes=frozenset({"not_found"}), per=HOUR), 9))
    await observe(first, build_call(0, target="/a"), job, decision="d1")
    await first.settle()
    await end(second, Outcome(decision="d1", at=build_call(1).at, outcome="not_found"))

    found = await observe(first, build_call(2, target="/b"), job)
    await first.close()
    await second.close()

    assert found.figures == (1,)


async def test_a_store_that_is_down_denies_at_once_and_recovers_without_a_restart(
    server: RedisServer,
) -> None:
    """`internal.store`; nothing piles up; when it is back, so are we."""
    histories = await opened(server.url)
    job = limited(50)
    await observe(histories, build_call(0), job)
    server.stop()

    began = time.monotonic()
    found = await asyncio.gather(
        *(observe(histories, build_call(n), job) for n in range(500)), return_exceptions=True
    )
    took = time.monotonic() - began
    server.start()
    await until(lambda: histories.up)
    after = await observe(histories, build_call(1), job)
    await histories.close()

    assert {type(one) for one in found} == {Refusal}
    assert {one.objection.reason for one in found if isinstance(one, Refusal)} == {Reason.INTERNAL_STORE}
    assert took < 0.5
    assert after.figures[0] == 1


async def test_a_store_that_hangs_costs_its_patience_once(server: RedisServer) -> None:
    """The first calls wait 20 ms, those behind them not at all."""
    histories = await opened(server.url)
    job = limited(50)
    await observe(histories, build_call(0), job)
    server.hang()
    began = time.monotonic()
    for at in range(50):
        with pytest.raises(Refusal):
            await observe(histories, build_call(at), job)
    took = time.monotonic() - began
    server.go_on()
    await until(lambda: histories.up)
    after = await observe(histories, build_call(1), job)
    await histories.close()

    assert took < 0.5
    assert after.figures[0] is not None


async def test_locally_a_budget_goes_on_from_what_this_worker_saw(server: RedisServer) -> None:
    """`on_store_failure: local` is no fresh budget for whoever can disturb the store."""
    histories = await opened(server.url, on_failure=OnStoreFailure.LOCAL, patience=1)
    job = limited(50, build_rule(Repeats(per=HOUR), 99, "repeats"))
    for at in range(5):
        await observe(histories, build_call(at), job)
    server.stop()

    found = await observe(histories, build_call(6), job)
    await histories.close()

    assert found.figures == (6, 6)


async def test_starting_while_the_store_is_down_is_no_failure(server: RedisServer) -> None:
    """It comes up when the store does."""
    server.stop()
    histories = await opened(server.url)
    with pytest.raises(Refusal):
        await observe(histories, build_call(0), limited(5))
    server.start()
    await until(lambda: histories.up)

    found = await observe(histories, build_call(1), limited(5))
    await histories.close()

    assert found.figures == (1,)


async def test_every_key_expires(server: RedisServer) -> None:
    """What nobody asks for again must go away by itself."""
    histories = await opened(server.url, patience=5)
    job = build_persona(*every_kind())
    for at in range(6):
        access = "send" if at % 2 else "read"
        call = build_call(at, access=access, target=f"/{at % 2}", classes=("untrusted",), args={"amount": 1})
        await observe(histories, call, job, decision=f"d{at}")
        await histories.settle()
        await end(histories, Outcome(decision=f"d{at}", at=call.at, outcome="not_found"))
    await histories.close()
    client = Client(parse_url(server.url), "return 1", patience=5)
    await client.start()
    keys = await client.command("k", "KEYS", "*")
    assert isinstance(keys, list)
    lives = [await client.command("k", "PTTL", key) for key in keys if isinstance(key, bytes)]
    await client.close()

    assert len(lives) > 10
    assert all(isinstance(one, int) and one > 0 for one in lives)


async def test_a_flushed_script_cache_is_loaded_again(server: RedisServer) -> None:
    """A Redis that was restarted does not know the script."""
    histories = await opened(server.url, patience=5)
    await observe(histories, build_call(0), limited(5))
    client = Client(parse_url(server.url), "return 1", patience=5)
    await client.start()
    await client.command("k", "SCRIPT", "FLUSH")
    await client.close()

    found = await observe(histories, build_call(1), limited(5))
    await histories.close()

    assert found.figures == (2,)


async def test_an_objection_of_the_store_is_a_refusal_of_ours(server: RedisServer) -> None:
    """A full or read-only Redis is as good as none."""
    histories = await opened(server.url, patience=5)
    client = Client(parse_url(server.url), "return 1", patience=5)
    await client.start()
    await client.command("k", "CONFIG", "SET", "maxmemory", "1")
    await client.command("k", "CONFIG", "SET", "maxmemory-policy", "noeviction")

    with pytest.raises(Refusal):
        await observe(histories, build_call(0), limited(5))
    with pytest.raises(StoreError):
        await client.command("k", "SET", "k", "v")
    await client.close()
    await histories.close()


async def test_a_cluster_is_followed_to_the_node_that_has_the_caller(tmp_path: Path) -> None:
    """One caller's keys are on one node, callers are spread over all."""
    with ExitStack() as stack:
        nodes = [stack.enter_context(ClusterNode(tmp_path / str(n))) for n in range(2)]
        await join(nodes)
        histories = await opened(nodes[0].url, patience=5)
        job = build_persona(*every_kind())
        figures = [
            (await observe(histories, build_call(at, agent=f"a{agent}", target="/x"), job)).figures[0]
            for agent in range(16)
            for at in range(2)
        ]
        await histories.close()
        held = [await _ask(node.url, "DBSIZE") for node in nodes]

    assert figures == [1, 2] * 16
    assert all(isinstance(one, int) and one > 0 for one in held)


async def join(nodes: Sequence[ClusterNode]) -> None:
    """Make them one cluster, each with half of the slots."""
    await _ask(nodes[0].url, "CLUSTER", "ADDSLOTSRANGE", 0, 8191)
    await _ask(nodes[1].url, "CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
    await _ask(nodes[0].url, "CLUSTER", "MEET", "127.0.0.1", nodes[1].port)
    deadline = time.monotonic() + 20
    for node in nodes:
        while b"cluster_state:ok" not in await _ask_text(node.url, "CLUSTER", "INFO"):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.05)


async def _ask(url: str, *parts: str | int) -> Reply:
    client = Client(parse_url(url), "return 1", patience=5)
    await client.start()
    try:
        return await client.command("k", *parts)
    finally:
        await client.close()


async def _ask_text(url: str, *parts: str | int) -> bytes:
    reply = await _ask(url, *parts)
    return reply if isinstance(reply, bytes) else b""


@pytest.mark.parametrize("url", ["http://x", "redis://", "unix://", "redis"])
def test_a_url_that_names_no_redis_is_refused(url: str) -> None:
    """Said at the start, not at the first call."""
    with pytest.raises(ValueError, match="expected"):
        parse_url(url)
