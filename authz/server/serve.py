"""One worker: puts the rooms together, listens, follows what changes, drains."""

import asyncio
import gc
import logging
import signal
import sys
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from authz.audit import event_record
from authz.compiler import Compiled, DefinitionsError
from authz.core.call import Caller
from authz.core.definitions import Definitions
from authz.decode.answers import AnswerOptions
from authz.server import clock
from authz.server.access_log import PATH as ACCESS_LOG
from authz.server.access_log import AccessLog
from authz.server.answer import Authorizer
from authz.server.drift import DriftEffects
from authz.server.exporter import Exporter
from authz.server.health import Health
from authz.server.key_store import open_key_store
from authz.server.listener import listen
from authz.server.outgoing import Speech
from authz.server.reload import Watch
from authz.server.settings import Address, Settings, SettingsError
from authz.server.snapshot import Snapshot
from authz.server.transport import Methods
from authz.server.who import Who
from authz.stores.approvals import open_approvals
from authz.stores.assertion_keys import open_assertion_keys
from authz.stores.definitions import load
from authz.stores.histories import Histories
from authz.stores.histories_redis import OnStoreFailure, RedisHistories
from authz.stores.histories_trail import open_histories
from authz.stores.holds import open_holds
from authz.stores.keys import read_pepper
from authz.stores.trail import Sync, Trail, note_event, open_digester

log = logging.getLogger("personas")

CHECK = "/envoy.service.auth.v3.Authorization/Check"
HEALTH = "/grpc.health.v1.Health/Check"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one worker is to do."""

    definitions: Path
    state: Path
    """Folder of keys, trail and secrets; made when it is missing."""
    address: Address
    settings: Settings
    access_log: Address | None = None
    """Where Envoy streams its access log to."""
    otlp: str | None = None
    """OTLP/gRPC receiver; None when spans go nowhere."""
    config: Path | None = None
    """The settings file, of which the exporter reads its part itself."""
    shadow: bool = False
    """Every persona as if it said `mode: shadow`."""
    unsafe_shadow_all: bool = False
    """Nothing is ever blocked."""
    worker: int | None = None
    """Number of this worker; None when it is the only one."""


def shared_key(plan: Plan) -> Path:
    """Where the key of the digests in Redis lies."""
    return plan.settings.shared_key or plan.state / "shared.key"


def prepare(plan: Plan) -> None:
    """What is done once, before several workers start.

    Raises:
        DefinitionsError: the definitions don't compile.
        SettingsError: a persona counts something and the workers share no store.
        StoreError: the state folder can't be used.
    """
    compiled = load(plan.definitions)
    counting = sorted(name for name, persona in compiled.definitions.personas.items() if persona.rules)
    if counting and plan.settings.redis is None:
        raise SettingsError(
            f"persona `{counting[0]}` counts calls, and several workers share no store: "
            "set `redis:` in --config, or serve with one worker"
        )
    open_key_store(plan.state, plan.settings).close()
    read_pepper(shared_key(plan))


async def serve(plan: Plan) -> int:
    """Serve until SIGTERM or SIGINT, then drain; gives the status to exit with.

    Raises:
        DefinitionsError: the definitions don't compile.
        SettingsError: the address can't be had.
        TrailError: the trail can't be written, or another service has it.
        StoreError: the keys can't be read.
    """
    compiled = await asyncio.to_thread(load, plan.definitions)
    plan.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    if plan.worker is not None:
        # Whoever started this worker is gone when its end of the pipe is closed, however it went.
        loop.add_reader(sys.stdin.fileno(), stop.set)
    async with AsyncExitStack() as stack:
        worker = _Worker(plan, compiled, stack)
        await worker.start()
        await stop.wait()
        log.info("draining")
        await worker.drain()
    return 0


class _Worker:
    """The parts of a running worker."""

    def __init__(self, plan: Plan, compiled: Compiled, stack: AsyncExitStack) -> None:
        self._plan = plan
        self._stack = stack
        self._health = Health()
        self._shared: RedisHistories | None = None
        self._trail = Trail.open(
            plan.state,
            worker=str(plan.worker or 0),
            sync=Sync(plan.settings.sync),
            seal_key=plan.settings.seal_key,
        )
        stack.callback(self._trail.close)
        self._keys = open_key_store(plan.state, plan.settings, progress=_counting)
        stack.callback(self._keys.close)
        self._assertions = open_assertion_keys(plan.state, clock.now())
        self._who = Who(plan.state, compiled.definitions, changed=self._people_changed)
        stack.callback(self._who.close)
        self._compiled = compiled
        digester = open_digester(plan.state)
        self._effects = DriftEffects(
            approvals=open_approvals(plan.state),
            holds=open_holds(plan.state),
            keys=self._keys,
            record=self._suspended,
        )
        stack.push_async_callback(self._effects.close)
        self._authorizer = Authorizer(
            snapshot=self._snapshot(compiled),
            keys=self._keys.ring,
            used=self._keys.used,
            believed=self._who.believed,
            histories=self._histories(compiled),
            trail=self._trail,
            digester=digester,
            speech=Speech(
                AnswerOptions(
                    forbid_calls=plan.settings.mcp_deny == "error",
                    policy_code=plan.settings.mcp_deny_code,
                    resource_metadata=plan.settings.resource_metadata,
                ),
                signer=self._assertions.signer,
                digest=digester.of,
            ),
            on_problem=self._problem,
            effects=self._effects,
            unsafe_shadow_all=plan.unsafe_shadow_all,
        )
        self._loaded(compiled)

    async def start(self) -> None:
        """Listen, and follow what changes."""
        plan = self._plan
        if self._shared is not None:
            await self._shared.start()
            self._stack.push_async_callback(self._shared.close)
        _settle()
        methods: Methods = {CHECK: self._authorizer, HEALTH: self._health.check}
        streams = {ACCESS_LOG: AccessLog(self._trail, self._authorizer.histories).take}
        self._listeners = [await listen(plan.address, plan.settings, methods, streams)]
        if plan.access_log is not None and not plan.worker:
            self._listeners.append(await listen(plan.access_log, plan.settings, {}, streams))
        watch = Watch(plan.definitions, self._accept, self._refuse, seconds=plan.settings.reload_seconds)
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, watch.ask)
        followers = [
            watch.run(),
            self._keys.follow(clock.now),
            self._follow_assertions(),
            self._who.follow(),
            self._effects.follow(),
        ]
        if plan.unsafe_shadow_all:
            followers.append(_warn())
        for task in followers:
            following = asyncio.ensure_future(task)
            following.add_done_callback(_ended)
            self._stack.push_async_callback(_cancelled, following)
        if (plan.otlp is not None or plan.settings.export.wanted) and not plan.worker:
            exporter = Exporter(plan.state, plan.otlp, plan.config)
            await self._stack.enter_async_context(exporter)
        definitions = self._authorizer.snapshot.definitions
        tools = sum(len(app.tools) for app in definitions.apps.values())
        log.info(
            "serving %d personas, %d tools of %d apps, %d users, %d keys on %s; trail %s; spans %s",
            len(definitions.personas),
            tools,
            len(definitions.apps),
            len(definitions.users),
            len(self._keys.ring()),
            plan.address,
            plan.state / "trail",
            f"to {plan.otlp}" if plan.otlp else "off",
        )

    def _histories(self, compiled: Compiled) -> Histories:
        plan = self._plan
        if plan.settings.redis is None:
            return open_histories(plan.state, compiled.definitions, clock.now())
        key = read_pepper(shared_key(plan))
        failure = OnStoreFailure(plan.settings.on_store_failure)
        self._shared = RedisHistories(plan.settings.redis, key, on_failure=failure)
        return self._shared

    def _suspended(self, caller: Caller, why: str, at: datetime) -> None:
        """Drift suspends: on the trail, from a thread."""
        record = event_record(
            clock.decision_id(),
            at,
            "caller.suspended",
            {"why": why},
            user=caller.user,
            agent=caller.agent.id,
            persona=caller.persona,
            key=caller.key,
        )
        note_event(self._plan.state, record)

    async def drain(self) -> None:
        """Say that no more calls should come, finish those in flight."""
        self._health.draining = True
        seconds = self._plan.settings.drain_seconds
        await asyncio.gather(*(one.drain(seconds) for one in self._listeners))
        if self._authorizer.waiting:
            await asyncio.wait(self._authorizer.waiting, timeout=seconds)

    async def _follow_assertions(self) -> None:
        while True:
            await asyncio.sleep(1)
            await asyncio.to_thread(self._assertions.refresh)

    def _snapshot(self, compiled: Compiled) -> Snapshot:
        plan = self._plan
        host = plan.settings.app_from_host
        # With people as SCIM and Shared Signals have them now.
        return Snapshot.of(self._who.accept(compiled.definitions), app_from_host=host, shadow=plan.shadow)

    def _people_changed(self, _definitions: Definitions) -> None:
        self._authorizer.snapshot = self._snapshot(self._compiled)

    def _accept(self, compiled: Compiled) -> None:
        if compiled.definitions.digest == self._authorizer.snapshot.definitions.digest:
            return
        self._compiled = compiled
        self._authorizer.snapshot = self._snapshot(compiled)
        gc.freeze()
        self._loaded(compiled)
        log.info("definitions changed: %d personas in force", len(compiled.definitions.personas))

    def _refuse(self, error: DefinitionsError) -> None:
        problems = [str(one) for one in error.problems]
        self._tell("definitions.refused", {"errors": len(problems), "first": problems[0] if problems else ""})

    def _loaded(self, compiled: Compiled) -> None:
        definitions = compiled.definitions
        personas = {name: persona.digest for name, persona in sorted(definitions.personas.items())}
        self._tell("definitions.loaded", {"digest": definitions.digest, "personas": personas})

    def _tell(self, what: str, facts: dict[str, object]) -> None:
        note_event(self._plan.state, event_record(clock.decision_id(), clock.now(), what, facts))

    def _problem(self, text: str) -> None:
        if text and text != self._health.problem:
            log.error("%s", text)
        self._health.problem = text


def _settle() -> None:
    """Take what was loaded out of the collector's rounds: one over 200,000 keys takes 190 ms."""
    gc.collect()
    gc.freeze()


async def _warn() -> None:
    """Nobody should forget it."""
    while True:
        log.warning("UNSAFE: --unsafe-shadow-all is on: nothing is enforced, every call is let through")
        await asyncio.sleep(60)


def _counting(keys: int) -> None:
    log.info("%d keys read", keys)


def _ended(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.error("a follower ended", exc_info=task.exception())


async def _cancelled(task: asyncio.Future[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
