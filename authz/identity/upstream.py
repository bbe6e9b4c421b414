"""What an app gets to see of who is calling: headers to set, headers to take out, and what to note of them.

Whatever a client sent under our names is replaced or removed; our own credentials never go on to an app.
"""

from typing import NamedTuple
from urllib.parse import quote

from authz.core.call import Caller
from authz.core.request import Request
from authz.identity.credential import AUTHORIZATION, KEY_HEADER, hides_key
from authz.identity.ring import KeyRing

OURS = "x-persona-"
FAILED_OPEN = "x-envoy-auth-failure-mode-allowed"
_IMITATED = ("x-p", "x_p", "x-envoy-auth")
"""Envoy's own word that a check was skipped; from a client it is a lie that some apps believe."""


def noted(request: Request, ring: KeyRing) -> tuple[str, ...]:
    """What the record must say of the way a caller was identified: names only, never a value."""
    found = [
        f"the client sent `{name}`: not passed on"
        for name in request.headers
        if name.startswith(_IMITATED) and (name.replace("_", "-").startswith(OURS) or name == FAILED_OPEN)
    ]
    if ring.adrift:
        found.append("the store of keys is out of reach: known keys go on for the grace")
    return tuple(found)


class Upstream(NamedTuple):
    """How the request changes on its way to the app."""

    set: tuple[tuple[str, str], ...]
    """To be overwritten or added: OVERWRITE_IF_EXISTS_OR_ADD."""
    remove: tuple[str, ...]
    notes: tuple[str, ...]
    """For the record: names only, never a value."""


def upstream_headers(  # noqa: PLR0913 - what an app is told
    request: Request,
    caller: Caller,
    *,
    persona: str,
    decision: str,
    authorization: str,
    assertion: str | None = None,
    flags: tuple[str, ...] = (),
    credentials: frozenset[str] = frozenset(),
) -> Upstream:
    """The headers of a call that was let through.

    `authorization` is the app's `strip`, `passthrough` or `inject`; `credentials` names further headers that
    held a credential for us (a binding's own).
    """
    stated = [
        ("x-persona-agent", readable(caller.agent.id)),
        ("x-persona-user", readable(caller.user)),
        ("x-persona-name", readable(persona)),
        ("x-persona-decision", decision),
    ]
    if assertion is not None:
        stated.append(("x-persona-assertion", assertion))
    if flags:
        stated.append(("x-persona-flags", ",".join(flags)))
    names = {name for name, _ in stated}
    removed: list[str] = []
    notes: list[str] = []
    for name in request.headers:
        # Servers that hand headers on as variables (CGI, WSGI) take `_` and `-` for the same.
        plain = name.replace("_", "-")
        if plain.startswith(OURS) or plain == FAILED_OPEN:
            notes.append(f"the client sent `{name}`: {'replaced' if name in names else 'removed'}")
            if name not in names:
                removed.append(name)
        elif plain == KEY_HEADER or name in credentials:
            removed.append(name)
    present = request.headers.get(AUTHORIZATION)
    if present is not None:
        if goes_on(request, authorization):
            notes.append("the client's own `authorization` went on to the app")
        else:
            removed.append(AUTHORIZATION)
    return Upstream(tuple(stated), tuple(removed), tuple(notes))


def goes_on(request: Request, authorization: str) -> bool:
    """Whether the client's `Authorization` is the app's business: it is not our credential, and may pass."""
    present = request.headers.get(AUTHORIZATION)
    return (
        authorization == "passthrough"
        and present is not None
        and KEY_HEADER in request.headers
        and not hides_key(present)
    )


def readable(text: str) -> str:
    """A name as a header can carry it: what is not printable ASCII is percent-encoded."""
    return text if text.isascii() and text.isprintable() else quote(text, safe="!#$&'()*+,/:;=?@[]|~ ")
