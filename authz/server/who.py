"""Who is calling, as far as it changes while the service runs: people, issuers, proofs that were seen.

The definitions as compiled go in; the definitions as they are now, with people merged, come out.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from authz.core.definitions import Definitions
from authz.identity.ladder import Believed
from authz.identity.people import People, merged
from authz.stores.issuers import Issuers
from authz.stores.people import PEOPLE, PeopleStore
from authz.stores.replays import Replays


class Who:
    """People and issuers of one worker."""

    def __init__(
        self,
        state: Path,
        definitions: Definitions,
        *,
        changed: Callable[[Definitions], None] = lambda _definitions: None,
    ) -> None:
        self._changed = changed
        """Told of the definitions as they are now, whenever people changed."""
        self._store = PeopleStore(state / PEOPLE)
        self._people = self._store.people()
        self._replays: Replays | None = None
        self._state = state
        self._definitions = definitions
        self._issuers = Issuers(definitions, state / "jwks", self._seen)
        self.accept(definitions)

    def accept(self, definitions: Definitions) -> Definitions:
        """Take a newly compiled set; the set with people as they are now."""
        self._definitions = definitions
        now = merged(definitions, self._people)
        self._issuers.accept(now, self._people.ended)
        return now

    def believed(self) -> Believed | None:
        """What `identify` is to believe besides keys; None when no binding is in force."""
        return self._issuers.believed()

    async def follow(self) -> None:
        """Follow people and issuers until cancelled."""
        await asyncio.gather(self._store.follow(self._take), self._issuers.follow())

    def _take(self, people: People) -> None:
        if people != self._people:
            self._people = people
            self._changed(self.accept(self._definitions))

    def _seen(self, name: str, at: datetime) -> bool:
        if self._replays is None:  # made when the first proof comes: most installations see none
            self._replays = Replays(self._state / "replays.sqlite")
        return self._replays.seen(name, at)

    def close(self) -> None:
        """Let go of the files."""
        self._store.close()
        if self._replays is not None:
            self._replays.close()
