"""Runs the control API: keys of transmitters are fetched beside it, every change is told to the trail."""

import asyncio
import logging
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from authz.audit import event_record
from authz.identity.jwks import Jwks, JwksError, parse_jwks
from authz.server import clock
from authz.server.control import Control, control_app
from authz.server.control_poll import poll
from authz.server.control_settings import ControlSettings
from authz.server.settings import Address
from authz.stores.assertion_keys import open_assertion_keys
from authz.stores.issuers import EVERY, FetchError, fetch
from authz.stores.people import PEOPLE, PeopleStore
from authz.stores.trail import note_event

log = logging.getLogger("personas")
RETRY = 10.0
"""Seconds until keys that could not be had are asked for again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPlan:
    """What the control API is to do."""

    state: Path
    address: Address
    settings: ControlSettings


async def serve_control(plan: ControlPlan) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        StoreError: the state folder cannot be used.
    """

    def tell(what: str, facts: Mapping[str, object]) -> None:
        note_event(plan.state, event_record(clock.decision_id(), clock.now(), what, facts))

    people = PeopleStore(plan.state / PEOPLE, tell=tell)
    people.declare([one.source() for one in plan.settings.scim])
    keys = TransmitterKeys(tuple(one.jwks for one in plan.settings.signals))
    control = Control(
        settings=plan.settings,
        people=people,
        assertions=open_assertion_keys(plan.state, clock.now()),
        jwks=keys.get,
        clock=clock.now,
    )
    address = plan.address
    config = uvicorn.Config(
        control_app(control),
        host=address.host or "127.0.0.1",
        port=address.port,
        uds=str(address.unix) if address.unix is not None else None,
        log_level="warning",
        server_header=False,
    )
    following = [asyncio.create_task(keys.follow())]
    following += [
        asyncio.create_task(poll(control, one)) for one in plan.settings.signals if one.poll is not None
    ]
    log.info("control API on %s", address)
    server = _Server(config)
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, server.stop)
    try:
        await server.serve()
    finally:
        for task in following:
            task.cancel()
        people.close()


class _Server(uvicorn.Server):
    """Drains on a signal and then ends well, where uvicorn would die of the signal."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The loop's own handlers are in place already."""
        yield

    def stop(self) -> None:
        """Take no more requests, finish those in flight."""
        self.should_exit = True


class TransmitterKeys:
    """Keys of transmitters, fetched beside the requests; old ones go on while a transmitter is down."""

    def __init__(self, urls: tuple[str, ...]) -> None:
        self._urls = urls
        self._jwks: dict[str, Jwks] = {}

    def get(self, url: str) -> Jwks | None:
        """What is known of these keys."""
        return self._jwks.get(url)

    async def follow(self) -> None:
        """Fetch now and again until cancelled."""
        while self._urls:
            failed = False
            for url in self._urls:
                try:
                    self._jwks[url] = parse_jwks(await asyncio.to_thread(fetch, url))
                except (FetchError, JwksError) as error:
                    failed = True
                    log.warning("keys of %s kept as they were: %s", url, error)
            await asyncio.sleep(RETRY if failed else EVERY)
