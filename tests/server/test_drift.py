"""What drift leads to besides the answer: people are asked, agents are suspended."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from authz.behaviour import Suspend
from authz.compiler import SourceFile, compile_set
from authz.core.call import Agent, Caller
from authz.core.decision import Refusal
from authz.server import clock
from authz.server.drift import DriftEffects
from authz.server.pb.ext_authz_pb2 import CheckResponse
from authz.server.snapshot import Snapshot
from authz.stores.approvals import Answer, Terms, open_approvals
from authz.stores.holds import open_holds
from tests.server.world import DEFINITIONS, PINNED, World, check, tool_call

DRIFT = b"""
behaviour:
  limits: [{name: tripwire, calls: 0, per: 1m, on_drift: %b}]
"""
BEFORE = b"""
behaviour:
  limits: [{name: pace, calls: 5, per: 1m}]
"""


class Watched:
    """A world whose drift has effects."""

    def __init__(self, here: World) -> None:
        self.here = here
        self.recorded: list[str] = []
        self.effects = DriftEffects(
            approvals=open_approvals(here.state),
            holds=open_holds(here.state),
            keys=here.store,
            record=lambda caller, why, _at: self.recorded.append(f"{caller.agent.id}: {why}"),
        )
        here.authorizer.effects = self.effects

    def enforce(self, effect: bytes) -> None:
        """Another definition of the same persona."""
        text = DEFINITIONS.replace(BEFORE, DRIFT % effect)
        compiled = compile_set([SourceFile("world.yaml", text)], pinned=PINNED)
        self.here.authorizer.snapshot = Snapshot.of(compiled.definitions)

    def codes(self) -> list[list[str]]:
        """The reasons of each decision."""
        return [[one["code"] for one in record["reasons"]] for record in self.here.records()]


@pytest.fixture
async def watched(here: World) -> AsyncIterator[Watched]:
    """It, in a loop."""
    made = Watched(here)
    yield made
    await made.effects.close()


async def until(true: Callable[[], bool]) -> None:
    """Poll, with a deadline."""
    deadline = time.monotonic() + 5
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def passes(response: CheckResponse) -> bool:
    """Whether the call goes on."""
    return bool(response.status.code == 0)


async def test_a_tripwire_suspends_the_key_at_once_and_only_a_person_resumes_it(watched: Watched) -> None:
    """In this worker with the next call, on disk soon after, and on the trail."""
    watched.enforce(b"suspend")
    here = watched.here
    key = here.key()
    call = check(key=key, body=tool_call("get_ticket", ticket="T-1"))

    here.ask(call, call)
    (record,) = here.store.list()
    await until(lambda: here.store.show(record.id).suspended)
    here.ask(call)
    watched.enforce(b"flag")
    here.store.resume(record.id, clock.now())
    (resumed,) = here.ask(call)

    assert watched.codes()[:3] == [["behaviour.limit"], ["credential.suspended"], ["credential.suspended"]]
    assert passes(resumed)
    assert watched.recorded == ["summarizer: rule `tripwire`: 1 is above 0"]


async def test_a_grant_of_a_person_lets_the_retry_pass(watched: Watched) -> None:
    """Refused with the code that asks; granted in another process; retried once."""
    watched.enforce(b"approve")
    here = watched.here
    call = check(key=here.key(), body=tool_call("get_ticket", ticket="T-1"))
    other = check(key=here.key(), body=tool_call("get_ticket", ticket="T-2"))
    here.ask(call)
    (decision,) = here.records()
    people = open_approvals(here.state)
    people.grant(decision["id"], Answer(by="bob", reason="yes", at=clock.now()), Terms())
    people.close()

    found = [passes(one) for one in here.ask(other, call, call)]

    assert watched.codes()[0] == ["behaviour.approval"]
    assert found == [False, True, False]


async def test_where_there_is_no_key_agent_user_and_persona_are_held(watched: Watched) -> None:
    """Whoever came with a token is suspended as such, in every process and after a restart."""
    caller = Caller(agent=Agent(id="a"), user="u", persona="p", key="digest-of-a-token", proof="token")
    elsewhere = open_holds(watched.here.state)
    watched.effects._suspend(Suspend(caller=caller, why="rule `x`"), clock.now())  # noqa: SLF001 - what `settle` does
    with pytest.raises(Refusal):
        watched.effects.admit(caller)
    await until(lambda: bool(elsewhere.listed()))
    elsewhere.refresh()

    assert elsewhere.held(caller)
    assert elsewhere.release("a", "u", "p")
    watched.effects.holds.refresh()
    watched.effects.admit(caller)
    elsewhere.close()
