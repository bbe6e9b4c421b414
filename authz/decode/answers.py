"""What an agent is told, in the protocol that it speaks: refusals, and lists answered in the app's place.

Says the reason code and the decision's id, never a rule's text, a stack trace or another agent's data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import orjson

from authz.core.app import Tool
from authz.core.decision import Deny
from authz.core.reason import Reason
from authz.core.rule import Drift
from authz.decode.exchange import GRPC, MCP, Exchange
from authz.decode.mcp.lists import list_result
from authz.decode.mcp.methods import SUPPORTED
from authz.decode.mcp.virtual import FORWARDED, own_result

METHOD_NOT_FOUND = -32601
INVALID_REQUEST = -32600
INTERNAL_ERROR = -32603
UNSUPPORTED_VERSION = -32022

_JSON = ("content-type", "application/json")
_PROBLEM = ("content-type", "application/problem+json")
_PLAIN = ("content-type", "text/plain; charset=utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerOptions:
    """What an operator may choose about refusals."""

    forbid_calls: bool = False
    """Refuse `tools/call` with HTTP 403 and a JSON-RPC error, not with a result that the model reads."""
    policy_code: int = -32001
    """JSON-RPC error code of a refusal by policy."""
    resource_metadata: str = ""
    """URL of the RFC 9728 metadata that a 401 points to; empty for none."""
    scopes: tuple[str, ...] = ()
    """Scopes that a client should ask for; named in the challenge."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP response that Envoy sends in the app's place."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


DEFAULTS = AnswerOptions()


def refusal_answer(
    exchange: Exchange, decision: Deny, decision_id: str, options: AnswerOptions = DEFAULTS
) -> HttpAnswer:
    """The refusal, by the table of the contracts."""
    reason = leading_reason(decision)
    status = _STATUS.get(reason.family, HTTPStatus.FORBIDDEN)
    answer: int = status
    if exchange.protocol == MCP:
        kind = _JSON
        answer, body = _mcp(exchange, reason, status, decision_id, options)
    elif exchange.protocol == GRPC:
        # Envoy makes it trailers-only: the body becomes grpc-message, the HTTP status the gRPC one (400 is
        # INTERNAL, 401 UNAUTHENTICATED, 403 PERMISSION_DENIED, 503 UNAVAILABLE).
        kind, body = _PLAIN, f"{reason.value} (decision {decision_id})".encode()
    else:
        kind, body = _PROBLEM, _problem(reason, status, decision_id)
    headers = [("x-persona-decision", decision_id), ("cache-control", "no-store")]
    if body:
        headers.append(kind)
    if status == HTTPStatus.UNAUTHORIZED:
        headers.append(("www-authenticate", challenge(reason, options)))
    return HttpAnswer(answer, tuple(headers), body)


_STATUS: Mapping[str, HTTPStatus] = {
    "request": HTTPStatus.BAD_REQUEST,
    "credential": HTTPStatus.UNAUTHORIZED,
    "internal": HTTPStatus.SERVICE_UNAVAILABLE,
}
"""HTTP status by family of the reason; 403 for everything that is policy."""


def leading_reason(decision: Deny) -> Reason:
    """The reason that shapes the answer: a policy's word before our own fault, flags never."""
    counted = [one.reason for one in decision.objections if one.drift is not Drift.FLAG]
    counted = counted or [one.reason for one in decision.objections]
    return next((reason for reason in counted if reason.family != "internal"), counted[0])


def challenge(reason: Reason, options: AnswerOptions) -> str:
    """`WWW-Authenticate` (RFC 6750, RFC 9728): where to learn how to get a credential."""
    parts = ['realm="personas"']
    if reason is not Reason.CREDENTIAL_MISSING:
        parts.append('error="invalid_token"')
    if options.scopes:
        parts.append(f'scope="{" ".join(options.scopes)}"')
    if options.resource_metadata:
        parts.append(f'resource_metadata="{options.resource_metadata}"')
    return f"Bearer {', '.join(parts)}"


def _problem(reason: Reason, status: int, decision_id: str) -> bytes:
    """RFC 9457."""
    return orjson.dumps(
        {
            "type": "about:blank",
            "title": _TITLE[status],
            "status": status,
            "code": reason.value,
            "decision": decision_id,
        }
    )


_TITLE: Mapping[int, str] = {
    400: "The request cannot be read",
    401: "No valid credential",
    403: "Refused by policy",
    503: "No decision could be made",
}


def _mcp(
    exchange: Exchange, reason: Reason, status: HTTPStatus, decision_id: str, options: AnswerOptions
) -> tuple[int, bytes]:
    """HTTP status and body for MCP."""
    code = options.policy_code
    answer: int = status
    if status is HTTPStatus.BAD_REQUEST:
        code = exchange.error or INVALID_REQUEST
    elif status is HTTPStatus.SERVICE_UNAVAILABLE:
        code = INTERNAL_ERROR
    elif status is HTTPStatus.FORBIDDEN:
        if not exchange.has_id:
            return answer, b""
        if not exchange.known:
            code = METHOD_NOT_FOUND
            answer = HTTPStatus.NOT_FOUND if exchange.stateless else HTTPStatus.OK
        elif exchange.method != "tools/call":
            answer = HTTPStatus.OK
        elif not options.forbid_calls:
            return HTTPStatus.OK, _refused_result(exchange, reason, decision_id)
    return answer, _error(exchange, code, reason, decision_id)


def _refused_result(exchange: Exchange, reason: Reason, decision_id: str) -> bytes:
    """A result that the model reads, so that it can go on with something else."""
    result: dict[str, object] = {
        "content": [{"type": "text", "text": f"Refused by policy: {reason.value} (decision {decision_id})"}],
        "isError": True,
        "_meta": {"agent-personas/code": reason.value, "agent-personas/decision": decision_id},
    }
    if exchange.stateless:
        result["resultType"] = "complete"
    return orjson.dumps({"jsonrpc": "2.0", "id": exchange.id, "result": result})


def _error(exchange: Exchange, code: int, reason: Reason, decision_id: str) -> bytes:
    data: dict[str, object] = {"code": reason.value, "decision": decision_id}
    if code == UNSUPPORTED_VERSION:
        data |= {"supported": SUPPORTED, "requested": exchange.version}
    message = _MESSAGE.get(code, "Refused by policy")
    error = {"code": code, "message": f"{message}: {reason.value}", "data": data}
    return orjson.dumps({"jsonrpc": "2.0", "id": exchange.id, "error": error})


_MESSAGE: Mapping[int, str] = {
    -32700: "Parse error",
    -32600: "Invalid request",
    -32601: "Method not found",
    -32602: "Invalid params",
    -32603: "Authorization service unavailable",
    -32020: "Header mismatch",
    -32022: "Unsupported protocol version",
}


def tool_list_answer(exchange: Exchange, tools: Sequence[Tool], decision_id: str) -> HttpAnswer:
    """The whole result of a list method, from the pinned definitions of what may be seen."""
    body = list_result(exchange, tools)
    headers = (("x-persona-decision", decision_id), ("cache-control", "no-store"), _JSON)
    return HttpAnswer(HTTPStatus.OK, headers, body)


def virtual_answer(exchange: Exchange, shown: Sequence[Tool], decision_id: str) -> HttpAnswer | None:
    """What the virtual endpoint answers by itself; None for what belongs to an app.

    Args:
        exchange: A request on the virtual endpoint that was let through.
        shown: What a list may show to the caller, of all apps.
        decision_id: Goes into the header.
    """
    if exchange.method in FORWARDED:
        return None
    headers = (("x-persona-decision", decision_id), ("cache-control", "no-store"))
    if exchange.method in {"GET", "DELETE"}:
        # No stream and no session: what a server may say to a client by itself comes from an app.
        return HttpAnswer(HTTPStatus.METHOD_NOT_ALLOWED, (*headers, ("allow", "POST")), b"")
    if not exchange.has_id:
        return HttpAnswer(HTTPStatus.ACCEPTED, headers, b"")
    if exchange.method in {"tools/list", "prompts/list"}:
        return tool_list_answer(exchange, shown, decision_id)
    result = own_result(exchange)
    body: dict[str, object] = {"jsonrpc": "2.0", "id": exchange.id}
    if result is None:
        body["error"] = {"code": METHOD_NOT_FOUND, "message": "Method not found"}
        status = HTTPStatus.NOT_FOUND if exchange.stateless else HTTPStatus.OK
        return HttpAnswer(status, (*headers, _JSON), orjson.dumps(body))
    return HttpAnswer(HTTPStatus.OK, (*headers, _JSON), orjson.dumps({**body, "result": result}))
