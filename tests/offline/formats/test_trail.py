"""Our own trail: decisions are calls, outcomes are their ends, and all else is neither."""

from dataclasses import replace

import orjson

from authz.audit import Entry, decision_record, event_record, outcome_record
from authz.core.reason import Reason
from authz.offline.reading import Format
from authz.offline.told import Ended, Told
from tests.audit.samples import AT, DIGESTER, TOOL, fact, stranger
from tests.offline.logs import read


def told(*records: object) -> list[Told | Ended]:
    """What the reader makes of records as they are written."""
    return read(Format.TRAIL, *(orjson.loads(orjson.dumps(one)) for one in records))


def test_a_decision_is_a_call_with_digests() -> None:
    """The trail has no arguments but those that its definition shows."""
    (found,) = told(decision_record(fact(), DIGESTER))

    assert isinstance(found, Told)
    assert (found.app, found.tool, found.user, found.persona) == (
        "billing", "adjust_balance", "alice@example.com", "support-summarizer",
    )  # fmt: skip
    assert found.agent is not None
    assert found.agent.version == "1.4.2"
    assert (found.whole, found.args) == (False, {})
    assert found.digest is not None
    assert found.target is not None
    assert found.target.startswith("keyed:")


def test_arguments_in_clear_are_there() -> None:
    """`recorded:` names them."""
    call = fact().call
    assert call is not None
    shown = replace(
        call, action=replace(call.action, tool=replace(TOOL, recorded=frozenset({"amount", "account"})))
    )

    (found,) = told(decision_record(replace(fact(), call=shown), DIGESTER))

    assert isinstance(found, Told)
    assert found.args == {"amount": 120, "account": "ACC-12345"}
    assert found.target is None


def test_an_outcome_is_the_end_of_its_call() -> None:
    """Joined by the decision's id."""
    entry = Entry(decision="d1", at=AT, status=404, upstream="10.0.0.1:80", sent=7)

    (found,) = told(outcome_record(entry, "o1", AT))

    assert found == Ended(identity="d1", at=AT, outcome="not_found", sent=7)


def test_what_no_definition_judges_is_left_out() -> None:
    """Strangers without a key, and events."""
    assert told(decision_record(stranger(), DIGESTER), event_record("e", AT, "definitions.loaded", {})) == []


def test_a_request_that_could_not_be_read_stays_refused() -> None:
    """No definition makes it readable."""
    record = decision_record(fact(), DIGESTER)
    record["reasons"] = [{"code": "request.malformed", "detail": "", "place": None}]

    (found,) = told(record)

    assert isinstance(found, Told)
    assert found.refused is Reason.REQUEST_MALFORMED
