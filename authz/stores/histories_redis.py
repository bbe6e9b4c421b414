"""Histories that several workers share, on Redis or Valkey: one atomic script a call, one round trip.

The script reads, decides and writes: racing calls cannot share the last place in a budget. All keys of a call
carry one hash tag, so that they live on one node of a cluster. Every key expires by itself.
"""

import asyncio
from collections.abc import Awaitable, Container
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

import orjson

from authz.behaviour import NOTHING, Digest, Plan, Told, counts, micros
from authz.core.call import Call, Caller
from authz.core.decision import Refusal
from authz.core.history import EMPTY, History, Outcome
from authz.core.persona import Persona
from authz.core.reason import Reason
from authz.stores.histories_client import PATIENCE, Client
from authz.stores.histories_memory import MemoryHistories
from authz.stores.histories_resp import StoreDownError, StoreError, parse_url
from authz.stores.histories_rules import Spec, ending, spec_of

SCRIPT: Final = (Path(__file__).parent / "histories_redis.lua").read_text(encoding="utf-8")
MOST_CALLERS: Final = 10_000
"""Callers of a persona whose key names are remembered."""
WAIT: Final = 3600
"""Seconds for which the outcome of a call is waited for."""
Ask: TypeAlias = "dict[str, object]"


class OnStoreFailure(StrEnum):
    """What becomes of a call that is to be counted while the store is down."""

    DENY = "deny"
    LOCAL = "local"
    """Judge it by what this worker alone has seen."""


class RedisHistories:
    """`Histories` of all workers that use one Redis under one key."""

    def __init__(
        self,
        url: str,
        key: bytes,
        *,
        on_failure: OnStoreFailure = OnStoreFailure.DENY,
        patience: float = PATIENCE,
    ) -> None:
        self._client = Client(parse_url(url), SCRIPT, patience=patience)
        self._digest = Digest(key)
        self._plans: dict[str, Shared] = {}
        self._local = MemoryHistories(key) if on_failure is OnStoreFailure.LOCAL else None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Connect; a store that is down is no reason not to start."""
        await self._client.start()

    async def close(self) -> None:
        """Let what is under way end, then hang up."""
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    @property
    def up(self) -> bool:
        """Whether the store is there, as far as is known."""
        return self._client.up

    def observe(
        self,
        call: Call,
        persona: Persona,
        passes: bool,  # noqa: FBT001 - the interface that the other rooms were given
        *,
        decision: str = "",
        waived: Container[str] = NOTHING,
    ) -> History | Awaitable[History]:
        """Judge and count one call; a persona that counts nothing never gets here."""
        if not persona.rules:
            return EMPTY if waived is NOTHING else History(waived=waived)
        shared = self._plans.get(persona.name)
        if shared is None or shared.plan.persona is not persona:
            shared = self._plans[persona.name] = Shared(Plan(persona, self._digest), self._digest)
        if not counts(call, shared.plan):
            return EMPTY
        return self._observe(call, shared, passes=passes, decision=decision, waived=waived)

    async def _observe(
        self, call: Call, shared: "Shared", *, passes: bool, decision: str, waived: Container[str]
    ) -> History:
        asked = shared.ask(call, passes=passes, waived=waived)
        if not asked.specs:
            none = (None,) * len(shared.plan.watchers)
            return History(figures=none, took=none, waived=waived)
        try:
            reply = await self._client.run(asked.keys, asked.body)
        except (StoreDownError, StoreError) as error:
            if self._local is None:
                raise Refusal(Reason.INTERNAL_STORE, f"the shared history: {error}") from None
            return self._local.observe(call, shared.plan.persona, passes, decision=decision, waived=waived)
        if not isinstance(reply, bytes):
            raise Refusal(Reason.INTERNAL_STORE, "the shared history does not answer as it should")
        history, free, began = asked.read(reply, len(shared.plan.watchers), waived)
        if free and decision:
            ends = [one for one in asked.specs if one.role.watcher.ends and one.role.takes]
            if ends:
                self._later(self._wait(decision, asked.waiting(ends, history, began)))
        if self._local is not None:
            self._local.fold(shared.plan.persona, _told(call, shared.plan, history, decision, free=free))
        return history

    def outcome(self, outcome: Outcome) -> None:
        """Count how a call ended, whichever worker let it through; off the way of any call."""
        if self._local is not None:
            self._local.outcome(outcome)
        self._later(self._outcome(outcome))

    async def settle(self) -> None:
        """Wait until what was begun off the way of calls is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _outcome(self, outcome: Outcome) -> None:
        name = f"ap:{{{outcome.decision}}}"
        try:
            waiting = await self._client.command(name, "GETDEL", name)
            if not isinstance(waiting, bytes):
                return
            told = orjson.loads(waiting)
            told["now"] = micros(outcome.at)
            told["ends"] = [ending(spec, outcome) for spec in told["ends"]]
            await self._client.run(told.pop("keys"), orjson.dumps(told))
        except (StoreDownError, StoreError):
            return  # the trail has it; what Redis missed errs no further than the window

    async def _wait(self, decision: str, waiting: Ask) -> None:
        name = f"ap:{{{decision}}}"
        try:
            await self._client.command(name, "SET", name, orjson.dumps(waiting), "EX", WAIT)
        except (StoreDownError, StoreError):
            return

    def _later(self, work: "asyncio.Future[None] | Awaitable[None]") -> None:
        task = asyncio.ensure_future(_done(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _done(work: Awaitable[None]) -> None:
    await work


def _told(call: Call, plan: Plan, history: History, decision: str, *, free: bool) -> Told:
    return Told(
        at=micros(call.at),
        caller=call.caller,
        took=history.added(plan.persona.rules),
        passed=free,
        decision=decision,
    )


class Asked:
    """One call as the script is asked about it."""

    __slots__ = ("body", "horizons", "keys", "specs")

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.horizons: list[int] = []
        self.specs: list[Spec] = []
        self.body = b""

    def read(self, reply: bytes, rules: int, waived: Container[str]) -> tuple[History, bool, dict[int, int]]:
        """The history, whether the call was let through, and the instant it was judged by, for each rule."""
        free, *words = reply.split()
        figures: list[float | None] = [None] * rules
        took: list[float | None] = [None] * rules
        began: dict[int, int] = {}
        for place, spec in enumerate(self.specs):
            figure, taken, at = words[3 * place : 3 * place + 3]
            figures[spec.role.place] = None if figure == b"-" else float(figure)
            took[spec.role.place] = None if taken == b"-" else float(taken)
            began[spec.role.place] = int(at)
        history = History(figures=tuple(figures), took=tuple(took), waived=waived)
        return history, free == b"1", began

    def waiting(self, ends: list[Spec], history: History, began: dict[int, int]) -> Ask:
        """What the outcome will need, in whichever worker it arrives."""
        rules = []
        for spec in ends:
            taken = history.took[spec.role.place] or 0
            rules.append({**spec.asked, "began": began[spec.role.place], "fresh": taken >= 0})
        return {"keys": self.keys, "horizons": self.horizons, "ends": rules}


class Shared:
    """A persona's plan and the names of its keys."""

    __slots__ = ("_digest", "_horizons", "_names", "_scopes", "_tagged", "plan")

    def __init__(self, plan: Plan, digest: Digest) -> None:
        self.plan = plan
        self._digest = digest
        self._names = [[self._hex(name) for name in group.names] for group in plan.groups]
        self._horizons = [group.horizon for group in plan.groups]
        self._scopes: dict[tuple[str, ...], list[str]] = {}
        common = frozenset.intersection(*(rule.by for rule in plan.persona.rules))
        # A rule that counts across personas must find the same node from each of them.
        across = any("persona" not in rule.by for rule in plan.persona.rules)
        self._tagged = frozenset[str]() if across else common

    def ask(self, call: Call, *, passes: bool, waived: Container[str]) -> Asked:
        """What the script is asked about this call."""
        asked = Asked()
        asked.horizons = self._horizons
        scopes = self.scopes(call.caller)
        keys = asked.keys = [f"{scope}:t" for scope in scopes]
        for place, group in enumerate(self.plan.groups):
            scope, names = scopes[place], self._names[place]
            for role in group.roles(call):
                value = 1 if role.of is None else role.of(call)
                if value is not None:
                    judges = role.judges and (waived is NOTHING or role.watcher.rule.name not in waived)
                    spec = spec_of(role, value, place + 1, judges=judges)
                    spec.name(keys, f"{scope}:{names[role.slot]}")
                    asked.specs.append(spec)
        asked.body = orjson.dumps(
            {
                "now": micros(call.at),
                "horizons": asked.horizons,
                "free": passes and self.plan.open(call, waived),
                "shadow": self.plan.shadow,
                "rules": [spec.asked for spec in asked.specs],
            }
        )
        return asked

    def scopes(self, caller: Caller) -> list[str]:
        """Where each group's keys of this caller begin."""
        who = caller.agent.id, caller.user, caller.key or ""
        found = self._scopes.get(who)
        if found is None:
            if len(self._scopes) >= MOST_CALLERS:
                self._scopes.clear()
            tag = self._tag(caller)
            found = [f"ap:{{{tag}}}:{self._hex(repr(group.key(caller)))}" for group in self.plan.groups]
            self._scopes[who] = found
        return found

    def _tag(self, caller: Caller) -> str:
        if not self._tagged:
            return "all"
        by = {
            "agent": caller.agent.id,
            "user": caller.user,
            "key": caller.key or "",
            "persona": caller.persona,
        }
        return self._hex(repr([(one, by[one]) for one in sorted(self._tagged)]))

    def _hex(self, text: str) -> str:
        return f"{self._digest(text.encode('utf-8', 'surrogatepass')):013x}"
