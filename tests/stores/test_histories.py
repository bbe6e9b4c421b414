"""One contract for all stores of histories: the same calls give the same figures, in memory and on Redis."""

import asyncio
import inspect
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authz.core.app import Access
from authz.core.call import Call, Json
from authz.core.history import EMPTY, History, Outcome
from authz.core.persona import Mode, Persona
from authz.core.rule import (
    Calls,
    Concurrency,
    Distinct,
    Drift,
    Egress,
    FirstUse,
    Pace,
    Probes,
    Repeats,
    Rule,
    Selector,
    SessionCalls,
    SessionLength,
    Sum,
)
from authz.core.rule import (
    Sequence as Order,
)
from authz.stores.histories_memory import MemoryHistories
from authz.stores.histories_redis import RedisHistories
from tests.behaviour.builders import build_call, build_persona, build_rule
from tests.stores.redis_server import RedisServer

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
Store = MemoryHistories | RedisHistories
SENDS = Selector(access=frozenset({Access.SEND}))
UNTRUSTED = Selector(data=("untrusted",))


def every_kind(**more: object) -> tuple[Rule, ...]:
    """One rule of each kind."""
    failed = Selector(outcomes=frozenset({"error"}))
    return (
        build_rule(Calls(per=HOUR), 12, "calls", **more),
        build_rule(Calls(per=HOUR), 3, "sends", selector=SENDS, **more),
        build_rule(Distinct(argument="target", per=HOUR), 3, "breadth", **more),
        build_rule(Sum(argument="args.amount", per=HOUR), 6.5, "spend", selector=SENDS, **more),
        build_rule(SessionCalls(idle=timedelta(minutes=20)), 15, "session", **more),
        build_rule(SessionLength(idle=timedelta(minutes=20)), 5000, "length", **more),
        build_rule(Repeats(per=HOUR, ignore=frozenset({"nonce"})), 3, "repeats", **more),
        build_rule(Probes(outcomes=frozenset({"not_found"}), per=HOUR, remember=WEEK), 3, "probes", **more),
        build_rule(Order(after=UNTRUSTED, then=SENDS, within=HOUR), 0, "egress-order", **more),
        build_rule(
            Order(after=Selector(), then=SENDS, within=HOUR, require=True, same_target=True),
            0,
            "read",
            **more,
        ),
        build_rule(Order(after=failed, then=SENDS, within=HOUR), 0, "after-error", **more),
        build_rule(Pace(), 4, "pace", **more),
        build_rule(Egress(per=HOUR), 5000, "bytes", **more),
        build_rule(FirstUse(argument="target"), 0, "first", **{**more, "on_drift": Drift.FLAG}),
        build_rule(Concurrency(lease=timedelta(minutes=10)), 8, "together", **more),
    )


async def observe(
    histories: Store, call: Call, job: Persona, *, passes: bool = True, decision: str = ""
) -> History:
    """Judge one call, waiting where the store does."""
    found = histories.observe(call, job, passes, decision=decision)
    return await found if inspect.isawaitable(found) else found


async def end(histories: Store, outcome: Outcome) -> None:
    """Tell how one ended."""
    histories.outcome(outcome)
    if isinstance(histories, RedisHistories):
        await histories.settle()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One Redis for all tests; each uses names of its own."""
    with RedisServer(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.system("redis-server"))])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Each store in turn."""
    if request.param == "memory":
        yield MemoryHistories(b"key")
        return
    running: RedisServer = request.getfixturevalue("server")
    histories = RedisHistories(running.url, uuid.uuid4().bytes, patience=5)
    await histories.start()
    yield histories
    await histories.close()


async def figures(store: Store, job: Persona, calls: Sequence[Call]) -> list[float | None]:
    """The figure of the only rule, call by call."""
    return [(await observe(store, one, job)).figures[0] for one in calls]


async def test_windows_slide_exactly(store: Store) -> None:
    """One microsecond early would widen the budget."""
    job = build_persona(build_rule(Calls(per=timedelta(minutes=1)), 1))

    assert await figures(store, job, [build_call(at) for at in (0, 59.999999, 60, 60.000001)]) == [1, 2, 1, 2]


async def test_sums_are_exact(store: Store) -> None:
    """0.1 + 0.2 is not above 0.3."""
    job = build_persona(build_rule(Sum(argument="args.amount", per=HOUR), 0.3))
    amounts: list[Json] = [0.1, -0.2, 0.000001, "x"]
    calls = [build_call(n, args={"amount": one}) for n, one in enumerate(amounts)]

    assert await figures(store, job, calls) == [0.1, 0.3, 0.300001, float("inf")]


async def test_time_that_goes_back_widens_nothing(store: Store) -> None:
    """A clock that is set back must not bring a budget back."""
    job = build_persona(build_rule(Calls(per=timedelta(minutes=1)), 2))

    assert await figures(store, job, [build_call(at) for at in (100, 101, 50, 10, 0, 160.5)]) == [
        1,
        2,
        3,
        3,
        3,
        2,
    ]


async def test_a_refused_call_consumes_no_limit_and_still_is_a_repeat(store: Store) -> None:
    """What counts, and when, is in the contracts."""
    job = build_persona(build_rule(Calls(per=HOUR), 9, "calls"), build_rule(Repeats(per=HOUR), 9, "repeats"))

    for at in range(3):
        await observe(store, build_call(at), job, passes=False)

    assert (await observe(store, build_call(4), job)).figures == (1, 4)


async def test_shadow_counts_what_would_be_refused(store: Store) -> None:
    """A shadowed call is let through."""
    job = build_persona(build_rule(Calls(per=HOUR), 1), mode=Mode.SHADOW)

    assert await figures(store, job, [build_call(n) for n in range(3)]) == [1, 2, 3]


async def test_a_waived_rule_gives_no_figure_and_counts(store: Store) -> None:
    """A person's grant answers the rule that asked and no other."""
    job = build_persona(
        build_rule(Calls(per=HOUR), 1, "asks", on_drift=Drift.APPROVE),
        build_rule(Calls(per=HOUR), 3, "other"),
    )
    await observe(store, build_call(0), job)
    found = store.observe(build_call(1), job, True, waived={"asks"})  # noqa: FBT003 - as the server calls it
    history = await found if inspect.isawaitable(found) else found

    later = (await observe(store, build_call(2), job)).figures

    assert [*history.figures, *later] == [None, 2, 3, 3]


async def test_a_persona_without_rules_touches_no_store(store: Store) -> None:
    """Only what is needed."""
    assert store.observe(build_call(0), build_persona(), passes=True) is EMPTY


async def test_an_outcome_counts_once(store: Store) -> None:
    """The access log may tell twice."""
    job = build_persona(build_rule(Probes(outcomes=frozenset({"not_found"}), per=HOUR, remember=WEEK), 9))
    await observe(store, build_call(0, target="/a"), job, decision=(name := uuid.uuid4().hex))
    if isinstance(store, RedisHistories):
        await store.settle()
    for _ in range(3):
        await end(store, Outcome(decision=name, at=build_call(1).at, outcome="not_found"))

    assert await figures(store, job, [build_call(2, target="/b"), build_call(3, target="/a")]) == [1, 2]


async def test_two_hundred_racing_calls_share_exactly_fifty_places(store: Store) -> None:
    """Check and reservation are one step."""
    job = build_persona(build_rule(Calls(per=HOUR), 50))

    found = await asyncio.gather(*(observe(store, build_call(n / 1000), job) for n in range(200)))

    assert sum(1 for one in found if one.took[0] == 1) == 50
    assert sum(1 for one in found if (one.figures[0] or 0) <= 50) == 50


steps = st.tuples(
    st.integers(1, 900),
    st.sampled_from(["read", "send"]),
    st.sampled_from([(), ("untrusted",), ("internal",)]),
    st.sampled_from([None, "/a", "/b", "/c", "/d"]),
    st.sampled_from([1, 2.5, "no number", None]),
    st.booleans(),
    st.sampled_from(["ok", "not_found", "error", None]),
)


@pytest.mark.system("redis-server")
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(steps, max_size=30), st.sampled_from(list(Mode)), st.sampled_from([Drift.DENY, Drift.FLAG]))
def test_redis_gives_the_figures_that_memory_gives(
    server: RedisServer,
    taken: list[tuple[int, str, tuple[str, ...], str | None, Json, bool, str | None]],
    mode: Mode,
    drift: Drift,
) -> None:
    """Two implementations of one rule must never differ: every kind of rule, over any run of calls."""

    async def run() -> None:
        job = build_persona(*every_kind(on_drift=drift), mode=mode)
        key = uuid.uuid4().bytes
        memory, redis = MemoryHistories(key), RedisHistories(server.url, key, patience=5)
        await redis.start()
        second = 0
        for number, (gap, access, classes, target, amount, passes, outcome) in enumerate(taken):
            second += gap
            args: dict[str, Json] = {"amount": amount, "nonce": number}
            call = build_call(second, tool=access, access=access, classes=classes, target=target, args=args)
            name = f"{key.hex()}-{number}"
            expected = await observe(memory, call, job, passes=passes, decision=name)
            assert await observe(redis, call, job, passes=passes, decision=name) == expected
            await redis.settle()
            if outcome is not None:
                told = Outcome(
                    decision=name, at=call.at + timedelta(milliseconds=3), outcome=outcome, sent=700
                )
                await end(memory, told)
                await end(redis, told)
        await redis.close()

    asyncio.run(run())
