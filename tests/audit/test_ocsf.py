"""OCSF events are valid by the published schema and say what became of the call."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from authz.audit import Entry, decision_record, event_record, outcome_record
from authz.audit.ocsf import ocsf_event
from authz.core.decision import Allow, Decision, Deny, Objection
from authz.core.reason import Reason
from authz.core.rule import Drift
from tests.audit.samples import ALLOW, AT, DENY, DIGESTER, GRANT, NO_KEY, record, stranger

SCHEMA = json.loads((Path(__file__).parent / "ocsf-api-activity-1.8.0.json").read_text())
VALIDATOR = Draft202012Validator(SCHEMA)


def _deny(reason: Reason, **how: bool) -> Deny:
    return Deny((Objection(reason, "x"),), **how)


CASES = [
    (ALLOW, (1, 1)),
    (DENY, (2, 2)),
    (NO_KEY, (2, 26)),
    (_deny(Reason.CREDENTIAL_REVOKED), (2, 24)),
    (_deny(Reason.BEHAVIOUR_APPROVAL, judged=True), (2, 23)),
    (_deny(Reason.INTERNAL_STORE), (2, 27)),
    (_deny(Reason.TOOL_NOT_GRANTED, judged=True, shadowed=True), (3, 15)),
    (Allow(GRANT, (Objection(Reason.BEHAVIOUR_LIMIT, "x", drift=Drift.FLAG),)), (1, 19)),
]


@pytest.mark.parametrize(("decision", "expected"), CASES)
def test_a_decision_is_a_valid_event_with_its_disposition(
    decision: Decision, expected: tuple[int, int]
) -> None:
    """Detections in a SIEM are written on these numbers."""
    event = ocsf_event(record(1, decision))

    VALIDATOR.validate(event)
    assert (event["action_id"], event["disposition_id"]) == expected
    assert event["type_uid"] == 600303
    assert event["time"] == 1_777_887_000_124


@pytest.mark.parametrize(
    "made",
    [
        decision_record(stranger(1), DIGESTER),
        event_record("e1", AT, "key.issued", {"by": "ops"}),
        outcome_record(Entry(decision="d1", at=AT, status=200, upstream="10.0.0.9:80"), "o1", AT),
    ],
    ids=["stranger", "event", "outcome"],
)
def test_every_kind_of_record_is_a_valid_event(made: dict[str, object]) -> None:
    """An invalid event is dropped by the receiver, and with it the evidence."""
    VALIDATOR.validate(ocsf_event(made | {"chain": "0", "seq": 1, "prev": "0" * 64, "hash": "a" * 64}))


def test_who_did_what_under_which_persona_is_in_the_event() -> None:
    """An analyst must not need our own record to know."""
    event = ocsf_event(record(1, DENY))

    assert event["actor"] == {
        "user": {"uid": "alice@example.com", "name": "alice@example.com", "credential_uid": "K1"},
        "app_uid": "support-summarizer",
        "app_name": "support-summarizer",
        "session": {"uid": "s-1"},
    }
    assert event["authorizations"] == [
        {
            "decision": "deny",
            "policy": {"uid": "sha256:" + "a" * 64, "name": "support-summarizer", "version": "3"},
        }
    ]
    api = event["api"]
    assert isinstance(api, dict)
    assert api["operation"] == "adjust_balance"
    assert api["service"] == {"name": "billing"}
