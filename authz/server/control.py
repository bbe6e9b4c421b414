"""The control API: SCIM 2.0, Shared Signals (push) and the JWKS of assertions. Never on the path of a call.

Every request but the JWKS needs a bearer token that is bound to one client; nothing an agent holds opens it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from authz.identity.jwks import Jwks
from authz.identity.scim import (
    ScimError,
    ScimGroup,
    ScimUser,
    group_body,
    group_of,
    patched_group,
    patched_user,
    user_body,
    user_of,
    wanted,
)
from authz.identity.signals import SignalError, signals_of
from authz.identity.strict import strict_json
from authz.server.control_settings import ControlSettings, ScimClient, SignalIssuer
from authz.stores.assertion_keys import AssertionKeys
from authz.stores.keys import StoreError
from authz.stores.people import PeopleStore

LARGEST = 1 << 20
PAGE = 200
SET = "application/secevent+jwt"
SCIM = "application/scim+json"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
Handler = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """What the control API works on."""

    settings: ControlSettings
    people: PeopleStore
    assertions: AssertionKeys
    jwks: Callable[[str], Jwks | None]
    """Keys of a transmitter, by URL."""
    clock: Callable[[], datetime]


def control_app(control: Control) -> Starlette:
    """The application; whoever runs it puts TLS before it."""
    users, groups = _Users(control), _Groups(control)
    routes = [
        Route("/.well-known/jwks.json", _published(control)),
        Route("/ssf/events", _pushed(control), methods=["POST"]),
        Route("/scim/v2/ServiceProviderConfig", _safe(control, _capabilities)),
        Route("/scim/v2/Users", _safe(control, users.many), methods=["GET", "POST"]),
        Route("/scim/v2/Users/{id}", _safe(control, users.one), methods=["GET", "PUT", "PATCH", "DELETE"]),
        Route("/scim/v2/Groups", _safe(control, groups.many), methods=["GET", "POST"]),
        Route("/scim/v2/Groups/{id}", _safe(control, groups.one), methods=["GET", "PUT", "PATCH", "DELETE"]),
    ]
    return Starlette(routes=routes)


def bearer(request: Request, hashes: Mapping[str, object]) -> object | None:
    """Whose token it is; every hash is compared, so that time tells nothing."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    given = hashlib.sha256(token.encode("latin-1", "replace")).hexdigest()
    found = None
    for known, owner in hashes.items():
        if hmac.compare_digest(known, given) and scheme.lower() == "bearer":
            found = owner
    return found


async def body_of(request: Request) -> bytes:
    """The body, if it is not too long.

    Raises:
        ScimError: it is.
    """
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > LARGEST:
            raise ScimError("the body is too long", status=413)
    return bytes(found)


def _published(control: Control) -> Handler:
    async def jwks(_request: Request) -> Response:
        control.assertions.refresh()
        headers = {"cache-control": "public, max-age=300"}
        return JSONResponse(control.assertions.jwks(control.clock()), headers=headers)

    return jwks


def _pushed(control: Control) -> Handler:
    """RFC 8935: one SET a request."""
    hashes = {one.token_sha256: one for one in control.settings.signals if one.token_sha256 is not None}

    async def push(request: Request) -> Response:
        issuer = bearer(request, hashes)
        if not isinstance(issuer, SignalIssuer):
            return _told("authentication_failed", "no transmitter's token", 401)
        try:
            await _accept(control, request, issuer)
        except SignalError as error:
            return _told(error.code, str(error), 400)
        except (ScimError, UnicodeDecodeError):
            return _told("invalid_request", "not a SET in compact form", 400)
        except StoreError:
            return _told("invalid_request", "cannot be kept now: send it again", 503)
        return Response(status_code=202)

    return push


async def _accept(control: Control, request: Request, issuer: SignalIssuer) -> None:
    """Verify one SET and keep what it says."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != SET:
        raise SignalError("invalid_request", f"not of type {SET}")
    text = (await body_of(request)).decode("ascii")
    jwks = control.jwks(issuer.jwks)
    if jwks is None:
        raise StoreError("the transmitter's keys are not known yet")
    at = control.clock()
    identity, signals = signals_of(text, issuer.transmitter(), jwks, at)
    await run_in_threadpool(control.people.take, issuer.issuer, identity, signals, at)


def _told(code: str, detail: str, status: int) -> Response:
    return JSONResponse({"err": code, "description": detail}, status_code=status)


def _safe(control: Control, handler: Callable[[Request, ScimClient], Awaitable[Response]]) -> Handler:
    """The handler for an authenticated client, its errors as SCIM speaks them."""
    hashes = {one.token_sha256: one for one in control.settings.scim}

    async def safe(request: Request) -> Response:
        client = bearer(request, hashes)
        if not isinstance(client, ScimClient):
            return _error("no client's token", 401, headers={"www-authenticate": "Bearer"})
        try:
            return await handler(request, client)
        except ScimError as error:
            return _error(str(error), error.status, kind=error.kind)
        except StoreError:
            return _error("cannot be kept now", 503)

    return safe


def _error(detail: str, status: int, *, kind: str = "", headers: Mapping[str, str] | None = None) -> Response:
    said = {"schemas": [ERROR], "status": str(status), "detail": detail}
    if kind and status in {400, 409}:
        said = {**said, "scimType": kind}
    return JSONResponse(said, status_code=status, media_type=SCIM, headers=headers)


def _shown(content: Mapping[str, Any], status: int = 200) -> Response:
    return JSONResponse(content, status_code=status, media_type=SCIM)


async def _capabilities(_request: Request, _client: ScimClient) -> Response:
    off = {"supported": False}
    return _shown(
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
            "patch": {"supported": True},
            "bulk": {**off, "maxOperations": 0, "maxPayloadSize": 0},
            "filter": {"supported": True, "maxResults": PAGE},
            "changePassword": off,
            "sort": off,
            "etag": off,
            "authenticationSchemes": [
                {"type": "oauthbearertoken", "name": "Bearer", "description": "RFC 6750"}
            ],
        }
    )


async def _json(request: Request) -> object:
    try:
        found: object = strict_json(await body_of(request))
    except ValueError:
        raise ScimError("not JSON", kind="invalidSyntax") from None
    return found


def _listed(request: Request, found: list[dict[str, Any]]) -> Response:
    try:
        start = max(1, int(request.query_params.get("startIndex", "1")))
        count = min(PAGE, max(0, int(request.query_params.get("count", str(PAGE)))))
    except ValueError:
        raise ScimError("`startIndex` and `count` are numbers") from None
    page = found[start - 1 : start - 1 + count]
    return _shown(
        {
            "schemas": [LIST],
            "totalResults": len(found),
            "startIndex": start,
            "itemsPerPage": len(page),
            "Resources": page,
        }
    )


@dataclass(frozen=True, slots=True)
class _Users:
    control: Control

    async def many(self, request: Request, client: ScimClient) -> Response:
        """List, or create."""
        people, base = self.control.people, f"{self.control.settings.base}/scim/v2"
        if request.method == "POST":
            user = user_of(await _json(request), secrets.token_hex(16))
            await run_in_threadpool(people.put_user, client.name, user)
            return _shown(user_body(user, base), 201)
        asked = wanted(request.query_params.get("filter"))
        users = await run_in_threadpool(people.users, client.name)
        found = [one for one in users.values() if asked is None or _fits_user(one, asked)]
        return _listed(request, [user_body(one, base) for one in sorted(found, key=lambda one: one.id)])

    async def one(self, request: Request, client: ScimClient) -> Response:
        """Show, replace, change, or remove: who is removed stays on record, inactive."""
        people, base = self.control.people, f"{self.control.settings.base}/scim/v2"
        user = (await run_in_threadpool(people.users, client.name)).get(request.path_params["id"])
        if user is None:
            raise ScimError("no such user", status=404)
        if request.method == "GET":
            return _shown(user_body(user, base))
        if request.method == "DELETE":
            await run_in_threadpool(people.put_user, client.name, replace(user, active=False))
            return Response(status_code=204)
        body = await _json(request)
        changed = user_of(body, user.id, before=user) if request.method == "PUT" else patched_user(user, body)
        await run_in_threadpool(people.put_user, client.name, changed)
        return _shown(user_body(changed, base))


@dataclass(frozen=True, slots=True)
class _Groups:
    control: Control

    async def many(self, request: Request, client: ScimClient) -> Response:
        """List, or create."""
        people, base = self.control.people, f"{self.control.settings.base}/scim/v2"
        if request.method == "POST":
            group = group_of(await _json(request), secrets.token_hex(16))
            await run_in_threadpool(people.put_group, client.name, group)
            return _shown(group_body(group, base), 201)
        asked = wanted(request.query_params.get("filter"))
        groups = await run_in_threadpool(people.groups, client.name)
        found = [one for one in groups.values() if asked is None or _fits_group(one, asked)]
        return _listed(request, [group_body(one, base) for one in sorted(found, key=lambda one: one.id)])

    async def one(self, request: Request, client: ScimClient) -> Response:
        """Show, replace, change, or remove."""
        people, base = self.control.people, f"{self.control.settings.base}/scim/v2"
        group = (await run_in_threadpool(people.groups, client.name)).get(request.path_params["id"])
        if group is None:
            raise ScimError("no such group", status=404)
        if request.method == "GET":
            return _shown(group_body(group, base))
        if request.method == "DELETE":
            await run_in_threadpool(people.drop_group, client.name, group.id)
            return Response(status_code=204)
        body = await _json(request)
        changed = group_of(body, group.id) if request.method == "PUT" else patched_group(group, body)
        await run_in_threadpool(people.put_group, client.name, changed)
        return _shown(group_body(changed, base))


def _fits_user(user: ScimUser, asked: tuple[str, str]) -> bool:
    name, value = asked
    if name == "username":
        return user.user_name.lower() == value.lower()
    return {"externalid": user.external_id, "id": user.id}.get(name) == value


def _fits_group(group: ScimGroup, asked: tuple[str, str]) -> bool:
    name, value = asked
    return {"displayname": group.name, "externalid": group.external_id, "id": group.id}.get(name) == value
