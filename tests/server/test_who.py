"""People and issuers of a worker: what changes elsewhere changes who is calling here."""

import asyncio
from pathlib import Path

from authz.core.definitions import Definitions
from authz.core.user import User
from authz.identity.signals import Effect, Signal
from authz.server.who import Who
from authz.stores.people import PeopleStore
from tests.identity.issuers import AT

ISSUER = "https://idp.example.com"
DEFINITIONS = Definitions(
    users={"alice@example.com": User(id="alice@example.com", active=True)},
    subjects={f"{ISSUER}|alice": "alice@example.com"},
)
DISABLE = Signal(
    effect=Effect.DISABLE, event="account-disabled", issuer="https://s", subject=f"{ISSUER}|alice", at=AT
)


async def test_a_person_who_is_disabled_elsewhere_is_inactive_here_within_a_second(tmp_path: Path) -> None:
    """A disabled user's agents stop on the next call."""
    told: list[Definitions] = []
    who = Who(tmp_path, DEFINITIONS, changed=told.append)
    following = asyncio.create_task(who.follow())
    elsewhere = PeopleStore(tmp_path / "people.sqlite")
    await asyncio.sleep(0)
    elsewhere.take("https://s", "s1", (DISABLE,), AT)
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not told:
        assert loop.time() - began < 1.0
        await asyncio.sleep(0.01)
    following.cancel()
    elsewhere.close()
    who.close()

    assert not told[-1].users["alice@example.com"].active


def test_a_restart_and_a_new_set_remember_who_is_disabled(tmp_path: Path) -> None:
    """A reload of definitions must not bring anybody back."""
    elsewhere = PeopleStore(tmp_path / "people.sqlite")
    elsewhere.take("https://s", "s1", (DISABLE,), AT)
    elsewhere.close()
    who = Who(tmp_path, DEFINITIONS)

    assert not who.accept(DEFINITIONS).users["alice@example.com"].active
    assert who.believed() is None
    assert not who._seen("p", AT)  # noqa: SLF001 - what a proof of possession asks
    assert who._seen("p", AT)  # noqa: SLF001 - likewise
    who.close()
