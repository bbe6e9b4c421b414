"""Whose MCP session it is. In memory: each worker binds by itself.

A session id is a secret that an app gave to one client: another caller that presents it has learned it
 somewhere.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from authz.core.call import Caller

LASTS = timedelta(hours=24)
"""How long a session is remembered after it was last used."""
MOST = 100_000
"""Sessions remembered; the one unused for longest is forgotten first."""


class Sessions:
    """Sessions and the callers that they are bound to."""

    __slots__ = ("_bound", "_most")

    def __init__(self, most: int = MOST) -> None:
        self._bound: OrderedDict[tuple[str, str], tuple[tuple[str, str, str], datetime]] = OrderedDict()
        self._most = most

    def belongs_to_another(self, app: str, session: str, caller: Caller, at: datetime) -> bool:
        """Whether the session is bound, and not to this caller."""
        found = self._bound.get((app, session))
        return found is not None and found[0] != _identity(caller) and at - found[1] < LASTS

    def bind(self, app: str, session: str, caller: Caller, at: datetime) -> None:
        """The session is this caller's, who has just used it or was given it."""
        self._bound[app, session] = (_identity(caller), at)
        self._bound.move_to_end((app, session))
        if len(self._bound) > self._most:
            self._bound.popitem(last=False)


def _identity(caller: Caller) -> tuple[str, str, str]:
    """A rotated key is the same caller."""
    return caller.agent.id, caller.user, caller.persona
