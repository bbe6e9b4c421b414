"""Carries out what drift leads to besides the answer: asks people, suspends. Writes off the way of calls."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from authz.behaviour import Ask, Suspend, effects_of, may_ask
from authz.core.call import Call, Caller
from authz.core.decision import Decision, Refusal
from authz.core.history import History
from authz.core.persona import Persona
from authz.core.reason import Reason
from authz.identity import LifeError
from authz.stores.approvals import NO_CLAIM, Approvals, Claim
from authz.stores.holds import Holds
from authz.stores.keys import StoreError

log = logging.getLogger(__name__)
INTERVAL = 0.25
"""Seconds between two looks for holds that were made or released elsewhere."""


class Keys(Protocol):
    """Who can suspend a key."""

    def suspend(self, key_id: str, at: datetime, *, by: str = "") -> object:
        """Out of force until resumed."""
        ...


class Effects(Protocol):
    """What drift leads to, as the way of a call sees it."""

    def admit(self, caller: Caller) -> None:
        """Refuse whom drift has suspended.

        Raises:
            Refusal: `credential.suspended`.
        """
        ...

    def claim(self, call: Call, persona: Persona) -> Claim:
        """A person's grant for this call, taken until `settle`."""
        ...

    def settle(  # noqa: PLR0913, PLR0917 - all that is known of a call once it is decided
        self,
        claim: Claim,
        identity: str,
        call: Call | None,
        persona: Persona | None,
        history: History,
        decision: Decision,
    ) -> None:
        """Do what the decision leads to. The answer depends on none of it."""
        ...


class NoEffects:
    """Where there is nobody to ask and no key to suspend."""

    def admit(self, caller: Caller) -> None:
        """Everybody."""

    def claim(self, call: Call, persona: Persona) -> Claim:
        """None."""
        del call, persona
        return NO_CLAIM

    def settle(  # noqa: PLR0913, PLR0917 - as above
        self,
        claim: Claim,
        identity: str,
        call: Call | None,
        persona: Persona | None,
        history: History,
        decision: Decision,
    ) -> None:
        """Nothing."""


@dataclass(slots=True)
class DriftEffects:
    """What drift leads to, in this worker."""

    approvals: Approvals
    holds: Holds
    keys: Keys
    record: Callable[[Caller, str, datetime], None]
    """Puts a suspension on the trail."""
    _asking: dict[str, tuple[Persona, bool]] = field(default_factory=dict)
    _suspending: set[str] = field(default_factory=set)
    """Keys whose suspension is being written."""
    _tasks: set[asyncio.Future[None]] = field(default_factory=set)

    def admit(self, caller: Caller) -> None:
        """Refuse whom drift has suspended.

        Raises:
            Refusal: `credential.suspended`.
        """
        if (self._suspending and caller.key in self._suspending) or self.holds.held(caller):
            raise Refusal(Reason.CREDENTIAL_SUSPENDED, f"`{caller.agent.id}` was suspended when it drifted")

    def claim(self, call: Call, persona: Persona) -> Claim:
        """A person's grant for this call, taken until `settle`."""
        known = self._asking.get(persona.name)
        if known is None or known[0] is not persona:
            known = self._asking[persona.name] = persona, may_ask(persona)
        return (self.approvals.claim(call) if known[1] else None) or NO_CLAIM

    def settle(  # noqa: PLR0913, PLR0917 - all that is known of a call once it is decided
        self,
        claim: Claim,
        identity: str,
        call: Call | None,
        persona: Persona | None,
        history: History,
        decision: Decision,
    ) -> None:
        """Do what the decision leads to. The answer depends on none of it."""
        if call is None or persona is None:
            return
        try:
            if claim is not NO_CLAIM and not decision.effect.passes:
                self.approvals.give_back(claim)
            for effect in effects_of(call, persona, history, decision, identity):
                match effect:
                    case Ask():
                        self.approvals.ask(effect)
                    case Suspend():
                        self._suspend(effect, call.at)
        except StoreError as error:
            log.error("what drift leads to could not be done: %s", error)  # noqa: TRY400 - one line says it

    def _suspend(self, effect: Suspend, at: datetime) -> None:
        caller = effect.caller
        key = caller.key if caller.proof == "key" else None
        log.warning("suspending agent %s: %s", caller.agent.id, effect.why)
        if key is None:
            self.holds.hold_now(caller)
        else:
            self._suspending.add(key)

        def write() -> None:
            self.record(caller, effect.why, at)
            if key is None:
                self.holds.write(caller, effect.why, at)
                return
            try:
                self.keys.suspend(key, at, by="drift")
            except LifeError as error:
                log.info("key %s: %s", key, error)  # suspended or revoked already
            self._suspending.discard(key)  # the ring says so from now on

        self._apart(write)

    def _apart(self, work: Callable[[], None]) -> None:
        """Off the way of calls. What fails stays suspended in this worker, and is said."""
        task = asyncio.get_running_loop().run_in_executor(None, work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            log.error("a suspension holds in this worker only: %s", error)

    async def follow(self) -> None:
        """Keep the holds current until cancelled."""
        while True:
            await asyncio.sleep(INTERVAL)
            try:
                self.holds.refresh()
            except StoreError as error:
                log.error("holds could not be read: %s", error)  # noqa: TRY400 - one line says it

    async def close(self) -> None:
        """Let what is under way end."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        self.approvals.close()
        self.holds.close()
