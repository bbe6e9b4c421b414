"""What an app gets to see of who is calling: headers to set, headers to take out, and what to note of them.

Whatever a client sent under our names is replaced or removed; our own credentials never go on to an app.
"""

from functools import lru_cache
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
    found = _imitations(tuple(request.headers))
    if ring.adrift:
        return (*found, "the store of keys is out of reach: known keys go on for the grace")
    return found


# What follows from the names of headers alone is remembered by them: a client sends the same ones each time.


@lru_cache(maxsize=512)
def _imitations(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        f"the client sent `{name}`: not passed on"
        for name in names
        if name.startswith(_IMITATED) and (name.replace("_", "-").startswith(OURS) or name == FAILED_OPEN)
    )


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
    stated = (*_who(caller.agent.id, caller.user, persona), ("x-persona-decision", decision))
    more: tuple[str, ...] = ()
    if assertion is not None:
        stated += (("x-persona-assertion", assertion),)
        more = ("x-persona-assertion",)
    if flags:
        stated += (("x-persona-flags", ",".join(flags)),)
        more += ("x-persona-flags",)
    removed, notes = _taken_out(tuple(request.headers), more, credentials)
    if AUTHORIZATION in request.headers:
        if goes_on(request, authorization):
            notes += ("the client's own `authorization` went on to the app",)
        else:
            removed += (AUTHORIZATION,)
    return Upstream(stated, removed, notes)


_ALWAYS = ("x-persona-agent", "x-persona-user", "x-persona-name", "x-persona-decision")


@lru_cache(maxsize=16_384)
def _who(agent: str, user: str, persona: str) -> tuple[tuple[str, str], ...]:
    """What is said of a caller in each of its calls."""
    return tuple(zip(_ALWAYS, map(readable, (agent, user, persona)), strict=False))


@lru_cache(maxsize=512)
def _taken_out(
    names: tuple[str, ...], more: tuple[str, ...], credentials: frozenset[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which headers of the client don't go on, `Authorization` aside, and what to note of them.

    `more` names what is set besides what always is.
    """
    removed: list[str] = []
    notes: list[str] = []
    for name in names:
        # Servers that hand headers on as variables (CGI, WSGI) take `_` and `-` for the same.
        plain = name.replace("_", "-")
        if plain.startswith(OURS) or plain == FAILED_OPEN:
            is_set = name in _ALWAYS or name in more
            notes.append(f"the client sent `{name}`: {'replaced' if is_set else 'removed'}")
            if not is_set:
                removed.append(name)
        elif plain == KEY_HEADER or name in credentials:
            removed.append(name)
    return tuple(removed), tuple(notes)


def unvouched(request: Request) -> tuple[str, ...]:
    """Taken out of a request that goes on although nobody vouches for it: our names and credentials."""
    return tuple(
        name
        for name, value in request.headers.items()
        if name.replace("_", "-").startswith(OURS)
        or name.replace("_", "-") == KEY_HEADER
        or (name == AUTHORIZATION and hides_key(value))
    )


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
