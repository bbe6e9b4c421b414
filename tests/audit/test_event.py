"""Events are records: one query reads them beside decisions."""

from authz.audit import event_record, sentence
from authz.audit.event import folded_record
from tests.audit.samples import AT, record, stranger_record


def test_an_event_has_the_fields_of_a_decision() -> None:
    """Readers that look for `agent` or `decision` must not stumble over a key that was issued."""
    event = event_record("e1", AT, "key.issued", {"by": "ops"}, user="alice@example.com", key="K1")

    assert record(1).keys() - event.keys() <= {"place", "request", "hints", "notes", "took"}
    assert event["decision"] is None
    assert event["event"] == {"what": "key.issued", "by": "ops"}
    assert sentence(event) == "key.issued at 2026-05-04T09:30:00.123456Z: by ops"


def test_a_folded_record_counts_what_it_stands_for() -> None:
    """A flood leaves one line a second that says how big it was."""
    folded = folded_record(
        stranger_record(3), "203.0.113.9", 400, "2026-05-04T09:30:00.9Z", {"credential.missing": 400}
    )

    assert folded["kind"] == "folded"
    assert folded["decision"] == "deny"
    assert folded["event"] == {
        "what": "refusals.folded",
        "count": 400,
        "last": "2026-05-04T09:30:00.9Z",
        "codes": {"credential.missing": 400},
    }
