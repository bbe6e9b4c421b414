"""Whose MCP session it is. In memory: each worker binds by itself.

A session id is a secret that an app gave to one client: another caller that presents it has learned it
 somewhere.
"""

from collections import OrderedDict
from datetime import datetime, timedelta

from authz.core.call import Call, Caller
from authz.core.decision import Refusal
from authz.core.reason import Reason

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

    def admit(self, call: Call, *, binds: bool) -> None:
        """Let a call use the session that it presents.

        Args:
            call: What is asked; without a session it is nobody's business here.
            binds: Whether the session is its caller's from now on: a call that is refused takes none, or
                whoever guesses an id could keep its owner out.

        Raises:
            Refusal: `credential.session`: the session is another caller's.
        """
        if call.session is None:
            return
        name, caller = (call.action.app or "", call.session), _identity(call.caller)
        found = self._bound.get(name)
        if found is not None and found[0] != caller and call.at - found[1] < LASTS:
            raise Refusal(Reason.CREDENTIAL_SESSION, "the session belongs to another caller")
        if not binds:
            return
        self._bound[name] = (caller, call.at)
        self._bound.move_to_end(name)
        if len(self._bound) > self._most:
            self._bound.popitem(last=False)


def _identity(caller: Caller) -> tuple[str, str, str]:
    """A rotated key is the same caller."""
    return caller.agent.id, caller.user, caller.persona
