"""The forensic record: its shape is a promise, and arguments stay out of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.audit import decision_record, sentence
from authz.audit.record import instant
from authz.core.decision import Allow, Decision, Deny, Objection, layers
from authz.core.history import History
from authz.core.persona import Mode
from authz.core.reason import Reason
from authz.core.rule import Calls, Drift, Rule
from tests.audit.samples import ALLOW, AT, DENY, DIGESTER, GRANT, PERSONA, TOOL, fact, record, stranger

CONTRACT = {
    "id": None,
    "at": None,
    "agent": {"id", "model", "version", "deployment", "proof"},
    "user": None,
    "persona": {"name", "version", "digest"},
    "key": None,
    "session": None,
    "action": {"protocol", "app", "tool", "access", "target", "args_digest"},
    "data": None,
    "decision": None,
    "effect": None,
    "layers": {"user", "agent", "tool", "data", "behaviour"},
    "reasons": None,
    "counted": None,
    "trace": {"trace_id", "span_id", "parent"},
    "source": {"address", "principal"},
    "latency_us": None,
}

reasons = st.sampled_from(list(Reason))
found = st.lists(st.builds(Objection, reasons, st.text(max_size=20)), min_size=1, max_size=4).map(tuple)
decisions = st.one_of(
    st.just(ALLOW),
    st.builds(Allow, st.just(GRANT), found),
    st.builds(Deny, found, judged=st.booleans(), shadowed=st.booleans()),
)


@pytest.mark.parametrize("made", [fact(1), fact(1, DENY), stranger(1)], ids=["allow", "deny", "stranger"])
def test_every_field_of_the_contract_is_always_there(made: object) -> None:
    """Other systems read the record: a field that is sometimes absent breaks them when it matters."""
    found = decision_record(made, DIGESTER)  # type: ignore[arg-type]  # each is a Fact

    for name, members in CONTRACT.items():
        assert name in found
        if members is not None:
            inner = found[name]
            assert isinstance(inner, dict)
            assert members <= inner.keys()


def test_an_allowed_call_is_told_whole() -> None:
    """Who, on whose behalf, under which persona, did what, when, and what was decided."""
    found = record(1)

    assert found == {
        "kind": "decision",
        "id": "000000000001",
        "at": "2026-05-04T09:30:00.124456Z",
        "agent": {
            "id": "support-summarizer",
            "model": "claude-4",
            "version": "1.4.2",
            "deployment": "prod-eu",
            "proof": "key",
            "workload": None,
        },
        "user": "alice@example.com",
        "persona": {"name": "support-summarizer", "version": "3", "digest": "sha256:" + "a" * 64},
        "key": "K1",
        "session": "s-1",
        "action": {
            "protocol": "mcp",
            "app": "billing",
            "tool": "adjust_balance",
            "access": "write",
            "target": DIGESTER.of("ACC-12345"),
            "args_digest": DIGESTER.of(
                {"note": {"text": "quarterly correction"}, "amount": 120, "account": "ACC-12345"}
            ),
            "args": {},
            "method": "tools/call",
            "kind": "tool",
        },
        "data": ["financial", "internal"],
        "decision": "allow",
        "effect": "allowed",
        "layers": dict.fromkeys(("user", "agent", "tool", "data", "behaviour"), "pass"),
        "reasons": [],
        "counted": {},
        "took": {},
        "trace": {
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "span_id": found["trace"]["span_id"],  # type: ignore[index]  # it is a dict
            "parent": "b7ad6b7169203331",
        },
        "source": {"address": "10.1.2.3", "principal": "spiffe://example.org/agents/support"},
        "latency_us": 250,
        "place": "support.yaml:20",
        "request": {"id": "req-1", "method": "POST", "host": "billing.internal"},
        "hints": {},
        "notes": [],
    }


@given(decisions)
def test_the_layers_are_those_of_the_core(decision: Decision) -> None:
    """The record has its own fast way to spell them; it must never say anything else."""
    said = decision_record(fact(1, decision), DIGESTER)["layers"]

    assert said == {layer.value: mark.value for layer, mark in layers(decision).items()}


@given(decisions)
def test_any_decision_can_be_written(decision: Decision) -> None:
    """What cannot be recorded is refused: so everything must be recordable."""
    found = decision_record(fact(1, decision), DIGESTER)

    assert found["decision"] == ("allow" if isinstance(decision, Allow) else "deny")
    assert orjson.loads(orjson.dumps(found))["id"] == "000000000001"


def test_arguments_that_the_definition_lists_are_in_clear() -> None:
    """`record:` is how an operator says that an argument is no secret."""
    tool = replace(TOOL, recorded=frozenset({"account", "amount"}))
    made = fact(1)
    assert made.call is not None
    made = replace(made, call=replace(made.call, action=replace(made.call.action, tool=tool)))

    action = decision_record(made, DIGESTER)["action"]

    assert isinstance(action, dict)
    assert action["target"] == "ACC-12345"
    assert action["args"] == {"account": "ACC-12345", "amount": 120}
    assert b"quarterly" not in orjson.dumps(action)


def test_a_detail_that_quotes_an_argument_is_redacted() -> None:
    """Conditions explain themselves with the values they met; the trail must not keep these."""
    objection = Objection(Reason.TOOL_CONDITION, "`120` of `ACC-12345` is above 50: quarterly correction")

    found = decision_record(fact(1, Deny((objection,), judged=True)), DIGESTER)["reasons"]

    text = orjson.dumps(found)
    assert b"ACC-12345" not in text
    assert b"`120`" not in text
    assert b"quarterly" not in text
    assert DIGESTER.of("ACC-12345").encode() in text
    assert b"is above 50" in text


def test_equal_arguments_have_equal_digests_whatever_their_order() -> None:
    """An investigator must be able to find the same call again."""
    assert DIGESTER.of({"a": 1, "b": [1, 2]}) == DIGESTER.of({"b": [1, 2], "a": 1})
    assert DIGESTER.of({"a": 1}) != DIGESTER.of({"a": 2})


def test_a_call_without_a_trace_gets_ids_of_its_own() -> None:
    """Its span must be findable too, and the same when it is sent twice."""
    made = fact(1)
    alone = replace(made, request=replace(made.request, trace=None))

    first, second = (decision_record(alone, DIGESTER)["trace"] for _ in range(2))

    assert first == second
    assert isinstance(first, dict)
    assert (len(first["trace_id"]), len(first["span_id"]), first["parent"]) == (32, 16, None)


def test_the_counting_rules_say_where_they_stand() -> None:
    """`counted` is what tells a person how near to its limit the agent was."""
    rule = Rule(name="pace", reason=Reason.BEHAVIOUR_LIMIT, watch=Calls(per=timedelta(minutes=1)), maximum=60)
    silent = replace(rule, name="drafts")
    made = replace(
        fact(1), persona=replace(PERSONA, rules=(rule, silent)), history=History(figures=(12, None))
    )

    assert decision_record(made, DIGESTER)["counted"] == {"pace": 12}


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2026, 5, 4, tzinfo=UTC), "2026-05-04T00:00:00.000000Z"),
        (AT, "2026-05-04T09:30:00.123456Z"),
        (AT.astimezone(timezone(timedelta(hours=2))), "2026-05-04T09:30:00.123456Z"),
        (AT.replace(microsecond=5), "2026-05-04T09:30:00.000005Z"),
    ],
)
def test_instants_are_of_one_length(at: datetime, text: str) -> None:
    """Records are put in order by the text of `at`."""
    assert instant(at) == text


def test_the_sentence_says_who_did_what() -> None:
    """The one line that a person reads."""
    assert sentence(record(1)) == (
        "agent support-summarizer, on behalf of user alice@example.com, under persona support-summarizer, "
        "called tool adjust_balance at 2026-05-04T09:30:00.124456Z: allow"
    )
    assert sentence(record(1, DENY)).endswith(": deny (tool.not-granted)")
    assert sentence(decision_record(stranger(1), DIGESTER)) == (
        "agent unknown, on behalf of user unknown, under persona unknown, "
        "called tool GET /v1/accounts at 2026-05-04T09:30:00.124456Z: deny (credential.missing)"
    )


def test_the_sentence_says_when_a_deny_was_not_carried_out() -> None:
    """Shadow and flag must not read like refusals."""
    drift = Objection(Reason.BEHAVIOUR_LIMIT, "rule `pace`", drift=Drift.FLAG)
    shadowed = Deny((Objection(Reason.TOOL_NOT_GRANTED, "x"),), judged=True, shadowed=True)
    assert PERSONA.mode is Mode.ENFORCE

    assert sentence(record(1, shadowed)).endswith(": deny, let through by shadow mode (tool.not-granted)")
    assert sentence(record(1, Allow(GRANT, (drift,)))).endswith(": allow, flagged (behaviour.limit)")
