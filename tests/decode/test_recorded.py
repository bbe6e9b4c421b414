"""Requests that the MCP conformance suite really sent."""

from pathlib import Path

import orjson
import pytest

from authz.core.app import App
from authz.core.decision import Deny
from authz.core.definitions import Definitions
from authz.core.request import Request
from authz.decode import Decoded, Decoders, Unreadable
from authz.decode.answers import refusal_answer

RECORDED = Path(__file__).resolve().parents[3] / "shared" / "data" / "mcp_conformance_requests.jsonl"
EVERY = frozenset({"sampling", "elicitation", "roots"})
DECODERS = Decoders.of(Definitions(apps={"every": App(name="every", protocol="mcp", client_requests=EVERY)}))


def _all() -> list[tuple[Decoded | Unreadable, dict[str, str]]]:
    found = []
    for line in RECORDED.read_bytes().splitlines():
        row = orjson.loads(line)
        body = row["body"].encode()
        request = Request(
            method=row["method"],
            path=row["path"],
            host=row["headers"]["host"],
            headers=row["headers"],
            body=body,
            size=len(body),
            context={"app": "every", "max_request_bytes": "65536"},
        )
        found.append((DECODERS.decode(request, DECODERS.route(request)), row))
    return found


@pytest.mark.data
def test_only_what_the_suite_sends_to_be_refused_is_refused() -> None:
    """Ten of 305, each with the error code that the suite expects of a server."""
    refused = [found for found, _ in _all() if isinstance(found, Unreadable)]
    codes = [
        orjson.loads(refusal_answer(one.exchange, Deny((one.refusal.objection,)), "d").body)["error"]["code"]
        for one in refused
    ]

    assert sorted(codes) == [-32602, -32602, -32022, *[-32020] * 7]


@pytest.mark.data
def test_the_answers_of_clients_are_no_malformed_requests() -> None:
    """Four POSTs carry no method."""
    names = [found.action.name for found, _ in _all() if isinstance(found, Decoded)]

    assert (names.count("answer/elicitation"), names.count("answer/sampling")) == (3, 1)


@pytest.mark.data
def test_the_methods_that_the_new_era_dropped_are_unknown_to_it() -> None:
    """The suite expects 404 and -32601 for each; besides one that never was."""
    unknown = {
        found.action.name for found, _ in _all() if isinstance(found, Decoded) and not found.exchange.known
    }

    assert unknown == {
        "initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe",
        "tasks/list", "tasks/result", "unknown/method",
    }  # fmt: skip
