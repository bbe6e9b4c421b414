"""How a call ended, per protocol, from what Envoy's access log says."""

from dataclasses import replace

import pytest

from authz.audit import Entry, outcome_record
from authz.audit.outcome import outcome_of
from tests.audit.samples import AT

OK = Entry(decision="d1", at=AT, status=200, upstream="10.0.0.9:80", duration_us=2500)


@pytest.mark.parametrize(
    ("change", "outcome"),
    [
        ({}, "ok"),
        ({"status": 404}, "not_found"),
        ({"status": 403}, "denied"),
        ({"status": 500}, "error"),
        ({"status": None}, "error"),
        ({"grpc_status": 0}, "ok"),
        ({"grpc_status": 5}, "not_found"),
        ({"grpc_status": 7}, "denied"),
        ({"grpc_status": 13}, "error"),
        ({"mcp_error": True}, "error"),
        ({"mcp_error": False}, "ok"),
        ({"mcp_code": -32601}, "not_found"),
        ({"mcp_code": -32603}, "error"),
        ({"upstream": None, "status": 503}, "not_forwarded"),
        ({"denied": True}, "denied"),
        ({"denied": True, "upstream": None, "status": 200}, "denied"),
    ],
)
def test_an_outcome_follows_from_the_entry(change: dict[str, object], outcome: str) -> None:
    """Probes and sequences count by these words; an answer of ours is `denied` though it is a 200."""
    assert outcome_of(replace(OK, **change)) == outcome  # type: ignore[arg-type]  # fields of Entry


def test_the_record_names_the_decision() -> None:
    """The outcome comes later and on its own line; the id is what joins the two."""
    found = outcome_record(OK, "o1", AT)

    assert (
        found.items()
        >= {
            "kind": "outcome",
            "decision": "d1",
            "status": 200,
            "outcome": "ok",
            "duration": 0.0025,
        }.items()
    )


def test_what_envoy_answered_by_itself_is_unseen() -> None:
    """A 400, 404 or 413 of Envoy's never asked us, and must not be missing from the trail."""
    found = outcome_record(replace(OK, decision=None, status=413, upstream=None), "o1", AT)

    assert found["decision"] is None
    assert found["outcome"] == "unseen"
    assert found["reasons"] == [{"code": "request.unseen", "detail": "envoy answered it", "place": None}]
