"""An MCP request as one action. Strict: what could be read in two ways is refused.

The order is that of trust: the HTTP around it, the JSON, the envelope, the era, then what is called.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from authz.core.app import Tool
from authz.core.call import Action, Json, Kind
from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import Request
from authz.decode.envelope import body_shown, content_type_of, refuse_body
from authz.decode.exchange import MCP, Decoded, Exchange, Route, Unreadable
from authz.decode.mcp.agreement import refuse_disagreement, refuse_unlike_arguments, spoken_version
from authz.decode.mcp.answer import answered
from authz.decode.mcp.methods import METHODS, STATELESS_VERSIONS, Method
from authz.decode.mcp.plan import NO_PLAN, Called, Plan
from authz.decode.mcp.uris import refuse_odd_name, refuse_odd_uri
from authz.decode.mcp.virtual import greeted_version, rewritten
from authz.decode.strictjson import (
    INVALID_REQUEST,
    distinct_keys,
    known_keys,
    names,
    read_json,
    safe_identifier,
    target_of,
)

_ENVELOPE = names({"jsonrpc", "id", "method", "params", "result", "error"})
# Members of `params` that servers act on: a key that only looks like one of them is refused.
_PARAMS = names(
    {
        "name", "arguments", "uri", "ref", "argument", "context", "taskId", "_meta", "cursor", "task",
        "requestId", "progressToken", "notifications", "level", "inputResponses", "requestState",
        "protocolVersion", "capabilities", "clientInfo",
    }
)  # fmt: skip
_NOTHING: dict[str, Json] = {}
# No type at all is what the body says it is; another type might be read by another reader.
_TYPES = frozenset({"", "application/json"})
_REF = names({"type", "name", "uri"})
_LISTENED = names(
    {"toolsListChanged", "promptsListChanged", "resourcesListChanged", "resourceSubscriptions", "taskIds"}
)
_SESSION_ID = re.compile(r"[\x21-\x7e]{1,256}")
_SEPARATOR = "__"


class _Message(NamedTuple):
    """One JSON-RPC message whose envelope is sound."""

    method: str
    params: Mapping[str, Json]
    known: Method | None
    """None for a method that the era does not have."""


def decode_mcp(
    request: Request, route: Route, plans: Mapping[str, Plan], notes: tuple[str, ...]
) -> Decoded | Unreadable:
    """What the request asks of the app, or why nobody can say.

    Raises:
        Refusal: For what is wrong before the JSON-RPC id could be read.
    """
    if request.method in {"GET", "DELETE"}:
        return _bare(request, route, notes)
    if request.method != "POST":
        raise Refusal(Reason.REQUEST_UNSUPPORTED, f"method `{request.method[:20]}` on an MCP endpoint")
    if not body_shown(request):
        raise Refusal(Reason.REQUEST_UNSEEN, "the route shows no body, and MCP is all body")
    if content_type_of(request.headers) not in _TYPES:
        raise Refusal(
            Reason.REQUEST_UNSUPPORTED, "a content type other than application/json", status=INVALID_REQUEST
        )
    body = read_json(request.body)
    if not isinstance(body, dict):
        detail = "a batch" if isinstance(body, list) else "a message that is no object"
        raise Refusal(Reason.REQUEST_UNSUPPORTED, detail, status=INVALID_REQUEST)
    try:
        return _read(request, route, plans, body, notes)
    except Refusal as refusal:
        return Unreadable(refusal=refusal, exchange=_spoken(request, route, body, refusal), notes=notes)


def _spoken(request: Request, route: Route, body: dict[str, Json], refusal: Refusal) -> Exchange:
    """How to speak of a refusal in the middle of reading: the era is the header's, as far as it is one."""
    version = request.headers.get("mcp-protocol-version", "")
    method, identifier = body.get("method"), body.get("id")
    echoed = identifier if isinstance(identifier, str | int) and safe_identifier(identifier) else None
    return Exchange(
        protocol=MCP,
        version=version[:64],
        stateless=version in STATELESS_VERSIONS,
        method=method if isinstance(method, str) and method in METHODS else "",
        id=echoed if "method" in body else None,
        has_id=echoed is not None and "method" in body,
        error=refusal.status or INVALID_REQUEST,
        virtual=route.virtual,
    )


def _read(
    request: Request, route: Route, plans: Mapping[str, Plan], body: dict[str, Json], notes: tuple[str, ...]
) -> Decoded:
    known_keys(body, "the message", _ENVELOPE)
    if body.get("jsonrpc") != "2.0":
        raise _malformed("`jsonrpc` is not 2.0")
    params = body.get("params", _NOTHING)
    if not isinstance(params, dict):
        raise _malformed("`params` is no object")
    meta = params.get("_meta")
    version, stateless = spoken_version(request.headers, meta)
    session = None if stateless else _session_id(request.headers)
    if "method" not in body:
        if stateless:
            raise _malformed("an answer, where no server may ask")
        plan = plans.get(route.app or "", NO_PLAN)
        action = _answer(route, plan, body, in_session=session is not None)
        exchange = Exchange(protocol=MCP, version=version, method=action.method, virtual=route.virtual)
        return Decoded(action=action, exchange=exchange, session=session, notes=notes)
    method = body["method"]
    if not isinstance(method, str) or "result" in body or "error" in body:
        raise _malformed("a message that is a request and an answer at once, or whose `method` is no text")
    known = METHODS.get(method)
    if known is not None and stateless not in known.eras:
        known = None
    identifier = _identifier(body, method, known)
    if params:
        _refuse_odd_params(params, meta)
    refuse_disagreement(request.headers, method, known, params, stateless=stateless)
    exchange = Exchange(
        protocol=MCP,
        version=version,
        stateless=stateless,
        method=method,
        id=identifier,
        has_id=identifier is not None,
        known=known is not None,
        virtual=route.virtual,
    )
    action = _action(request, route, plans, _Message(method, params, known))
    if not route.virtual:
        return Decoded(action=action, exchange=exchange, session=session, notes=notes)
    action = _of_all_apps(action)
    if method == "initialize":
        exchange = replace(exchange, version=greeted_version(params))
    called = plans.get(action.app or "", NO_PLAN).tools.get(action.name) if method == "tools/call" else None
    rewrite = rewritten(action, body, called.mirrored if called is not None else ())
    return Decoded(action=action, exchange=exchange, session=session, notes=notes, rewrite=rewrite)


def _of_all_apps(action: Action) -> Action:
    """On the virtual endpoint a session method that names no app is about all of them."""
    return replace(action, everywhere=action.app is None and action.kind is Kind.SESSION)


def _identifier(body: Mapping[str, Json], method: str, known: Method | None) -> str | int | None:
    """The id of a request; None of a notification."""
    if known is None:
        refuse_odd_name(method)
    if "id" not in body:
        if known is not None and not known.notification:
            raise _malformed(f"`{method}` without an id")
        return None
    identifier = body["id"]
    if not isinstance(identifier, str | int) or not safe_identifier(identifier):
        raise _malformed("an `id` that is neither a text nor an integer up to 2^53")
    if known is not None and known.notification:
        raise _malformed(f"`{method}` with an id")
    return identifier


def _answer(route: Route, plan: Plan, body: Mapping[str, Json], *, in_session: bool) -> Action:
    """The client's answer to a request of the server; outside of a session it answers nothing."""
    name, kind = answered(body, plan.client_requests)
    return Action(
        protocol=MCP, app=route.app, name=name, method=name, kind=kind if in_session else Kind.UNKNOWN
    )


def _refuse_odd_params(params: Mapping[str, Json], meta: Json) -> None:
    known_keys(params, "`params`", _PARAMS)
    token = meta.get("progressToken") if isinstance(meta, dict) else None
    if token is None and "requestId" not in params and "progressToken" not in params:
        return
    for identifier in (token, params.get("requestId"), params.get("progressToken")):
        if identifier is not None and not safe_identifier(identifier):
            raise _malformed("an identifier that is neither a text nor an integer up to 2^53")


def _action(request: Request, route: Route, plans: Mapping[str, Plan], message: _Message) -> Action:
    """What the message asks for."""
    known = message.known
    method = message.method
    if known is None:
        return Action(protocol=MCP, app=route.app, name=method, method=method, kind=Kind.UNKNOWN)
    if known.kind is Kind.SESSION:
        return Action(protocol=MCP, app=route.app, name=method, method=method, kind=Kind.SESSION)
    if method == "completion/complete":
        return _completion(route, plans, message)
    if method == "subscriptions/listen":
        return _listening(route, plans, message)
    name = message.params.get(known.name)
    if not isinstance(name, str):
        raise _malformed(f"`params.{known.name}` is missing, or no text")
    if known.kind is Kind.RESOURCE:
        return _resource(route, plans, method, name)
    return _named(request, route, plans, message, name)


def _named(request: Request, route: Route, plans: Mapping[str, Plan], message: _Message, name: str) -> Action:
    """A tool or a prompt."""
    app, name = parted(route, name)
    plan = plans.get(app or "", NO_PLAN)
    tool = message.known is not None and message.known.kind is Kind.TOOL
    called = (plan.tools if tool else plan.prompts).get(name)
    if called is None:  # names in definitions have been looked at
        refuse_odd_name(name)
    args = message.params.get("arguments")
    if args is None:
        args = {}
    elif not isinstance(args, dict):
        raise _malformed("`params.arguments` is no object")
    else:
        distinct_keys(args, "`params.arguments`")
    return Action(
        protocol=MCP,
        app=app,
        name=name,
        method=message.method,
        kind=Kind.TOOL if tool else Kind.PROMPT,
        tool=_definition(request, called, args),
        args=args,
        target=target_of(args, called.target) if called is not None else None,
    )


def _definition(request: Request, called: Called | None, args: Mapping[str, Json]) -> Tool | None:
    if called is None:
        return None
    if called.mirrored and request.headers.get("mcp-protocol-version") in STATELESS_VERSIONS:
        refuse_unlike_arguments(request.headers, called.mirrored, args)
    return called.tool


def _resource(route: Route, plans: Mapping[str, Plan], method: str, uri: str) -> Action:
    refuse_odd_uri(uri)
    tool = plans.get(route.app or "", NO_PLAN).resources.find(uri)
    return Action(
        protocol=MCP, app=route.app, name=uri, method=method, kind=Kind.RESOURCE, tool=tool, target=uri
    )


def _completion(route: Route, plans: Mapping[str, Plan], message: _Message) -> Action:
    """Completing an argument tells what values exist: governed as the prompt or resource itself."""
    ref = message.params.get("ref")
    if not isinstance(ref, dict):
        raise _malformed("`params.ref` is missing, or no object")
    known_keys(ref, "`params.ref`", _REF)
    kind = ref.get("type")
    if kind == "ref/resource" and isinstance(uri := ref.get("uri"), str) and "name" not in ref:
        return _resource(route, plans, message.method, uri)
    if kind != "ref/prompt" or not isinstance(name := ref.get("name"), str) or "uri" in ref:
        raise _malformed("`params.ref` names neither a prompt nor a resource")
    refuse_odd_name(name)
    app, name = parted(route, name)
    called = plans.get(app or "", NO_PLAN).prompts.get(name)
    return Action(
        protocol=MCP,
        app=app,
        name=name,
        method=message.method,
        kind=Kind.PROMPT,
        tool=called.tool if called is not None else None,
    )


def _listening(route: Route, plans: Mapping[str, Plan], message: _Message) -> Action:
    """A stream of changes: over resources it needs what reading them needs, else any grant."""
    wanted = message.params.get("notifications", {})
    if not isinstance(wanted, dict):
        raise _malformed("`params.notifications` is no object")
    known_keys(wanted, "`params.notifications`", _LISTENED)
    uris = wanted.get("resourceSubscriptions") or []
    if not isinstance(uris, list):
        raise _malformed("`resourceSubscriptions` is no list")
    actions = [_resource(route, plans, message.method, uri) for uri in uris if isinstance(uri, str)]
    if len(actions) != len(uris):
        raise _malformed("`resourceSubscriptions` holds something other than texts")
    if not actions:
        return Action(
            protocol=MCP, app=route.app, name=message.method, method=message.method, kind=Kind.SESSION
        )
    if any(one.tool is not actions[0].tool for one in actions):
        # One action is judged: resources that fall under different patterns would be judged by the first.
        raise Refusal(Reason.REQUEST_UNSUPPORTED, "one stream over resources of different patterns")
    return actions[0]


def _bare(request: Request, route: Route, notes: tuple[str, ...]) -> Decoded:
    """GET opens a stream of a session, DELETE ends the session: neither carries a message."""
    refuse_body(request)
    version = request.headers.get("mcp-protocol-version", "")
    stateless = version in STATELESS_VERSIONS
    exchange = Exchange(
        protocol=MCP, version=version[:64], stateless=stateless, method=request.method, virtual=route.virtual
    )
    action = Action(
        protocol=MCP,
        app=route.app,
        name=request.method,
        method=request.method,
        kind=Kind.SESSION,
        everywhere=route.virtual,
    )
    session = None if stateless else _session_id(request.headers)
    return Decoded(action=action, exchange=exchange, session=session, notes=notes)


def _session_id(headers: Mapping[str, str]) -> str | None:
    session = headers.get("mcp-session-id")
    if session is not None and not _SESSION_ID.fullmatch(session):
        raise _malformed("header `mcp-session-id` is no session id")
    return session


def parted(route: Route, name: str) -> tuple[str | None, str]:
    """App and name: on the virtual endpoint the name carries the app, up to the first `__`."""
    if not route.virtual:
        return route.app, name
    app, separator, rest = name.partition(_SEPARATOR)
    return (app, rest) if separator and app and rest else (None, name)


def _malformed(detail: str) -> Refusal:
    return Refusal(Reason.REQUEST_MALFORMED, detail, status=INVALID_REQUEST)
