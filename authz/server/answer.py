"""The way of a call: the one place where the order of steps stands.

wire → identify → decode → label → observe → decide → record → wire. Every path through it ends in a recorded
decision; what cannot be recorded is refused.
"""

import asyncio
import inspect
import logging
import traceback
from collections.abc import Awaitable, Callable, Generator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeAlias

from authz.audit import Digester, Fact, Scribe
from authz.behaviour import lets_pass
from authz.core.call import Call, Caller
from authz.core.decide import conclude, judge
from authz.core.decision import Allow, Decision, Deny, Effect, Objection, Refusal
from authz.core.history import EMPTY, History
from authz.core.persona import Persona
from authz.core.reason import Reason
from authz.core.request import Request
from authz.decode import Exchange, Route, Unreadable
from authz.identity import Believed, KeyRing, credential_headers, hints_of, identify, noted
from authz.identity.upstream import unvouched
from authz.label import labels_of
from authz.server import clock
from authz.server.drift import Effects, NoEffects
from authz.server.outgoing import Passing, Speech
from authz.server.snapshot import Snapshot
from authz.server.transport import Answer, Metadata
from authz.server.wire import Forward, check_response, read_check
from authz.stores.approvals import NO_CLAIM
from authz.stores.histories import Histories
from authz.stores.sessions import Sessions
from authz.stores.trail import Trail, TrailError

log = logging.getLogger(__name__)

Steps: TypeAlias = Generator[Awaitable[History], History, "Verdict"]
UNREAD = Request()
NO_ROUTE = Route()
NO_EXCHANGE = Exchange()
UNSAFE = "unsafe-shadow-all: not enforced, let through whatever was decided"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision that was made and not yet recorded, and what Envoy will be told."""

    fact: Fact
    exchange: Exchange
    response: bytes


@dataclass(slots=True)
class Authorizer:
    """Decides what Envoy asks. Holds references that are swapped whole; changes none of them."""

    snapshot: Snapshot
    keys: Callable[[], KeyRing]
    used: Callable[[str, datetime], None]
    """Told of each use of a credential."""
    histories: Histories
    trail: Trail
    digester: Digester
    speech: Speech
    on_problem: Callable[[str], None]
    """Told why decisions can't be recorded, and an empty text when they can again."""
    effects: Effects = field(default_factory=NoEffects)
    """Carries out what drift leads to."""
    believed: Callable[[], Believed | None] = lambda: None
    """Tokens and workloads that are believed besides keys."""
    unsafe_shadow_all: bool = False
    """Nothing is ever blocked, missing credentials included; what would have been is on record."""
    sessions: Sessions = field(default_factory=Sessions)
    """Whose MCP sessions they are."""
    waiting: set[asyncio.Future[bytes]] = field(default_factory=set)
    """Calls that wait for a shared history."""
    scribe: Scribe = field(init=False)

    def __post_init__(self) -> None:
        self.scribe = Scribe(self.digester)

    def __call__(self, calls: Sequence[tuple[Metadata, bytes]]) -> Sequence[Answer]:
        """Decide a batch: all records are appended with one write before any answer leaves."""
        at = clock.now()
        verdicts: list[Verdict] = []
        answers: list[Answer | None] = []
        for metadata, message in calls:
            steps = self.answer(message, metadata, at)
            try:
                waits_for = next(steps)
            except StopIteration as done:
                verdicts.append(done.value)
                answers.append(None)
            else:
                answers.append(self._later(steps, waits_for))
        ready = iter(self._recorded(verdicts))
        return [next(ready) if answer is None else answer for answer in answers]

    def _later(self, steps: Steps, waits_for: Awaitable[History]) -> Awaitable[bytes]:
        """Go on, when it is there, with a call whose history is shared with other workers.

        Shielded: a caller that hangs up doesn't stop the record.
        """
        task = asyncio.ensure_future(self._resume(steps, asyncio.ensure_future(waits_for)))
        self.waiting.add(task)
        task.add_done_callback(self.waiting.discard)
        return asyncio.shield(task)

    async def _resume(self, steps: Steps, history: asyncio.Future[History]) -> bytes:
        await asyncio.wait({history})
        error = history.exception()
        try:
            if error is None:
                steps.send(history.result())
            else:
                steps.throw(error)
        except StopIteration as done:
            return self._recorded([done.value])[0]
        message = "a call waits at most once"
        raise AssertionError(message)

    def answer(self, message: bytes, metadata: Metadata, at: datetime) -> Steps:
        """Decide one call. Yields only where a history must be waited for."""
        began = clock.monotonic_us()
        identity = clock.decision_id()
        snapshot = self.snapshot
        request, route, exchange, claim = UNREAD, NO_ROUTE, NO_EXCHANGE, NO_CLAIM
        caller: Caller | None = None
        call: Call | None = None
        persona: Persona | None = None
        history = EMPTY
        notes: tuple[str, ...] = ()
        response = b""
        decision: Decision
        try:
            request = read_check(message, metadata)
            route = snapshot.decoders.route(request)
            exchange = Exchange.unread(route)
            notes = noted(request, self.keys())
            caller, credentials = self._identified(request, at)
            self.effects.admit(caller)
            decoded = snapshot.decoders.decode(request, route)
            exchange = decoded.exchange
            notes += decoded.notes
            if isinstance(decoded, Unreadable):
                raise decoded.refusal  # noqa: TRY301 - every refusal takes the one way below
            persona = snapshot.persona_of(caller)
            classes, unlabelled = labels_of(decoded.action)
            call = Call(
                at=at,
                caller=caller,
                action=decoded.action,
                classes=classes,
                unlabelled=unlabelled,
                session=decoded.session,
            )
            user = snapshot.definitions.users.get(caller.user)
            judgement = judge(call, persona, user)
            self.sessions.admit(call, binds=lets_pass(judgement, persona))
            claim = self.effects.claim(call, persona)
            observed = self.histories.observe(
                call, persona, lets_pass(judgement, persona), decision=identity, waived=claim.rules
            )
            history = (yield observed) if inspect.isawaitable(observed) else observed
            decision = conclude(judgement, call, persona, history)
            if decision.effect.passes:
                passing = Passing(
                    request,
                    exchange,
                    call,
                    persona,
                    user,
                    decision,
                    identity,
                    decoded.rewrite,
                    credentials,
                )
                outgoing = self.speech.passing(passing, snapshot.definitions.apps)
                response = check_response(decision.effect, outgoing, identity)
        except Refusal as refusal:
            decision = Deny((refusal.objection,))
            caller = caller or refusal.caller
        except Exception as error:  # noqa: BLE001 - the one place: whatever went wrong, the call is refused
            # The type and the lines, never the text: it may quote what the agent sent.
            lines = "".join(traceback.format_tb(error.__traceback__))
            log.error("refused on an internal error: %s\n%s", type(error).__name__, lines)  # noqa: TRY400
            decision = Deny((Objection(Reason.INTERNAL, "internal error"),))
        if isinstance(decision, Deny) and not decision.shadowed:
            response = self._refusal(exchange, decision, identity)
        self.effects.settle(claim, identity, call, persona, history, decision)
        fact = Fact(
            id=identity,
            at=at,
            request=request,
            decision=decision,
            latency_us=clock.monotonic_us() - began,
            protocol=exchange.protocol,
            caller=caller,
            call=call,
            app=route.app,
            method=exchange.method,
            persona=persona,
            history=history,
            hints=hints_of(request),
            notes=notes,
        )
        return Verdict(fact, exchange, response)

    def _identified(self, request: Request, at: datetime) -> tuple[Caller, frozenset[str]]:
        """Who is calling, and which headers besides those of keys proved it."""
        believed = self.believed()
        caller = identify(request, at, self.keys(), believed)
        if caller.key is not None:
            self.used(caller.key, at)
        return caller, credential_headers(request, believed)

    def _refusal(self, exchange: Exchange, decision: Deny, identity: str) -> bytes:
        return check_response(Effect.DENIED, self.speech.refusing(exchange, decision, identity), identity)

    def _recorded(self, verdicts: Sequence[Verdict]) -> list[bytes]:
        """The answers, once their records are on the trail; refusals where they can't be."""
        if not verdicts:
            return []
        if self.unsafe_shadow_all:
            verdicts = [_let_through(one) for one in verdicts]
        try:
            self.trail.append([self.scribe.write(one.fact) for one in verdicts])
        except TrailError as error:
            self.on_problem(f"decisions cannot be recorded: {error}")
            if self.unsafe_shadow_all:
                return [one.response for one in verdicts]
            unrecorded = Deny((Objection(Reason.INTERNAL_STORE, "the decision could not be recorded"),))
            return [self._refusal(one.exchange, unrecorded, one.fact.id) for one in verdicts]
        self.on_problem("")
        return [one.response for one in verdicts]


def _let_through(verdict: Verdict) -> Verdict:
    """The same verdict, not enforced: recorded as what it would have been."""
    decision = verdict.fact.decision
    if decision.effect.passes or isinstance(decision, Allow):
        return verdict
    fact = replace(
        verdict.fact, decision=replace(decision, shadowed=True), notes=(*verdict.fact.notes, UNSAFE)
    )
    # Not enforced, but the key never reaches an app, nor does a name of ours that a client made up.
    forward = Forward(remove_headers=unvouched(fact.request))
    return Verdict(fact, verdict.exchange, check_response(fact.decision.effect, forward, fact.id))
