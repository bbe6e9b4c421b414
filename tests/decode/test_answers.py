"""Refusals, by the table of the contracts."""

import mcp_types._v2026_07_28 as modern
import orjson
import pytest
from mcp_types import jsonrpc

from authz.core.decision import Deny, Objection
from authz.core.reason import Reason
from authz.core.rule import Drift
from authz.decode.answers import (
    AnswerOptions,
    HttpAnswer,
    leading_reason,
    refusal_answer,
    tool_list_answer,
)
from authz.decode.exchange import Exchange
from tests.decode.requests import tool

CALL = Exchange(protocol="mcp", method="tools/call", id=7, has_id=True)
LIST = Exchange(protocol="mcp", method="tools/list", id="a", has_id=True)
BARE = Exchange(protocol="mcp", method="GET")
REST = Exchange(protocol="rest", method="GET")
GRPC = Exchange(protocol="grpc", method="/a.B/C")
DETAIL = "rule `spend-a-day`: 501 is above 500"


def _deny(*reasons: Reason) -> Deny:
    return Deny(tuple(Objection(one, DETAIL) for one in reasons), judged=True)


def _answer(exchange: Exchange, reason: Reason, **options: object) -> HttpAnswer:
    return refusal_answer(exchange, _deny(reason), "d-1", AnswerOptions(**options))  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize(
    ("exchange", "reason", "status", "code"),
    [
        (CALL, Reason.REQUEST_MALFORMED, 400, -32600),
        (CALL, Reason.CREDENTIAL_MISSING, 401, -32001),
        (CALL, Reason.INTERNAL, 503, -32603),
        (LIST, Reason.TOOL_NOT_GRANTED, 200, -32001),
        (LIST, Reason.INTERNAL_STORE, 503, -32603),
        (BARE, Reason.REQUEST_MALFORMED, 400, -32600),
        (BARE, Reason.CREDENTIAL_EXPIRED, 401, -32001),
        (BARE, Reason.INTERNAL, 503, -32603),
    ],
)
def test_mcp_is_answered_with_a_json_rpc_error(
    exchange: Exchange, reason: Reason, status: int, code: int
) -> None:
    """That echoes the id, and that the official SDK reads as one."""
    answer = _answer(exchange, reason)
    body = orjson.loads(answer.body)

    assert (answer.status, body["id"], body["error"]["code"]) == (status, exchange.id, code)
    assert body["error"]["data"] == {"code": reason.value, "decision": "d-1"}
    assert jsonrpc.JSONRPCError.model_validate(body).error.code == code


@pytest.mark.parametrize("stateless", [False, True])
def test_a_refused_call_is_a_result_that_the_model_reads(*, stateless: bool) -> None:
    """So that it can go on with something else."""
    exchange = Exchange(protocol="mcp", method="tools/call", id=7, has_id=True, stateless=stateless)
    answer = _answer(exchange, Reason.TOOL_NOT_GRANTED)
    body = orjson.loads(answer.body)

    assert (answer.status, body["id"], body["result"]["isError"]) == (200, 7, True)
    assert body["result"].get("resultType") == ("complete" if stateless else None)
    assert "tool.not-granted" in body["result"]["content"][0]["text"]
    if stateless:
        assert modern.CallToolResult.model_validate(body["result"]).is_error


def test_a_refused_call_may_be_set_to_be_forbidden() -> None:
    """Some operators want a status that every proxy understands."""
    answer = _answer(CALL, Reason.TOOL_NOT_GRANTED, forbid_calls=True, policy_code=-31000)

    assert (answer.status, orjson.loads(answer.body)["error"]["code"]) == (403, -31000)


@pytest.mark.parametrize(("stateless", "status"), [(False, 200), (True, 404)])
def test_an_unknown_method_is_told_so(*, stateless: bool, status: int) -> None:
    """As the protocol of the era asks for."""
    exchange = Exchange(protocol="mcp", method="x", id=1, has_id=True, known=False, stateless=stateless)
    answer = _answer(exchange, Reason.TOOL_UNKNOWN)

    assert (answer.status, orjson.loads(answer.body)["error"]["code"]) == (status, -32601)


def test_what_has_no_id_is_forbidden_without_a_body() -> None:
    """There is nobody who waits for a message."""
    answer = _answer(BARE, Reason.TOOL_NOT_GRANTED)

    assert (answer.status, answer.body) == (403, b"")
    assert ("x-persona-decision", "d-1") in answer.headers


def test_an_unknown_version_is_told_the_known_ones() -> None:
    """So that the client can choose another."""
    exchange = Exchange(protocol="mcp", method="tools/list", id=1, has_id=True, error=-32022, version="9")
    data = orjson.loads(_answer(exchange, Reason.REQUEST_UNSUPPORTED).body)["error"]["data"]

    assert (data["requested"], data["supported"][0]) == ("9", "2026-07-28")


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.REQUEST_AMBIGUOUS, 400),
        (Reason.CREDENTIAL_REVOKED, 401),
        (Reason.BEHAVIOUR_LIMIT, 403),
        (Reason.INTERNAL, 503),
    ],
)
def test_rest_is_answered_with_a_problem(reason: Reason, status: int) -> None:
    """RFC 9457, with the code and the decision."""
    answer = _answer(REST, reason)
    problem = orjson.loads(answer.body)

    assert ("content-type", "application/problem+json") in answer.headers
    assert (answer.status, problem["status"], problem["code"], problem["decision"]) == (
        status,
        status,
        reason.value,
        "d-1",
    )


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.REQUEST_MALFORMED, 400),
        (Reason.CREDENTIAL_UNKNOWN, 401),
        (Reason.DATA_NOT_ALLOWED, 403),
        (Reason.INTERNAL, 503),
    ],
)
def test_grpc_gets_the_status_that_envoy_maps(reason: Reason, status: int) -> None:
    """To INTERNAL, UNAUTHENTICATED, PERMISSION_DENIED, UNAVAILABLE; the body becomes the message."""
    answer = _answer(GRPC, reason)

    assert (answer.status, answer.body) == (status, f"{reason.value} (decision d-1)".encode())


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize("exchange", [CALL, LIST, BARE, REST, GRPC, Exchange()])
def test_no_refusal_is_kept_or_tells_a_rule(exchange: Exchange, reason: Reason) -> None:
    """Whatever the reason and the protocol."""
    answer = _answer(exchange, reason)

    assert ("cache-control", "no-store") in answer.headers
    assert ("x-persona-decision", "d-1") in answer.headers
    assert b"501" not in answer.body
    assert not answer.body or reason.value.encode() in answer.body
    assert ("www-authenticate" in dict(answer.headers)) == (answer.status == 401)


def test_a_challenge_says_where_to_learn_more() -> None:
    """RFC 6750 and RFC 9728."""
    where = "https://gateway.example.com/.well-known/oauth-protected-resource"
    options = {"resource_metadata": where, "scopes": ("mcp:call",)}

    missing = dict(_answer(CALL, Reason.CREDENTIAL_MISSING, **options).headers)["www-authenticate"]
    expired = dict(_answer(CALL, Reason.CREDENTIAL_EXPIRED, **options).headers)["www-authenticate"]

    assert missing == f'Bearer realm="personas", scope="mcp:call", resource_metadata="{where}"'
    assert expired.startswith('Bearer realm="personas", error="invalid_token"')


def test_the_leading_reason_is_policy_before_our_own_fault_and_never_a_flag() -> None:
    """A call that policy refuses stays refused when we are well again."""
    flag = Objection(Reason.BEHAVIOUR_LIMIT, drift=Drift.FLAG)

    assert leading_reason(_deny(Reason.INTERNAL, Reason.TOOL_NOT_GRANTED)) is Reason.TOOL_NOT_GRANTED
    assert leading_reason(Deny((flag, Objection(Reason.DATA_NOT_ALLOWED)))) is Reason.DATA_NOT_ALLOWED
    assert leading_reason(Deny((flag,))) is Reason.BEHAVIOUR_LIMIT


def test_a_list_is_answered_whole() -> None:
    """Without any app."""
    answer = tool_list_answer(LIST, [tool("crm", "a", definition=b'{"name": "a"}')], "d-1")

    assert (answer.status, orjson.loads(answer.body)["result"]) == (200, {"tools": [{"name": "a"}]})
