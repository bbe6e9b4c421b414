"""The fast way to write a record says, byte for byte, what the plain way says."""

from dataclasses import replace
from datetime import timedelta

import orjson
from hypothesis import given
from hypothesis import strategies as st

from authz.audit import Digester, Fact, Scribe, decision_record
from authz.audit.scribe import ENTRIES
from authz.core.app import Access, Place, Tool
from authz.core.call import Action, Agent, Call, Caller, Kind
from authz.core.decision import Allow, Deny, Objection
from authz.core.history import History
from authz.core.persona import Grant, Persona
from authz.core.reason import Reason
from authz.core.request import Request, Source, Trace
from authz.core.rule import Calls, Rule
from tests.audit.samples import AT, CALL, DIGESTER, PERSONA, REQUEST, fact, stranger

texts = st.text(max_size=12)
maybe = st.none() | texts
instants = st.integers(0, 10**12).map(lambda micro: AT + timedelta(microseconds=micro))
places = st.builds(Place, st.sampled_from(["", "a.yaml"]), st.integers(0, 9))
agents = st.builds(Agent, id=texts, model=maybe, version=maybe, deployment=maybe, workload=maybe)
callers = st.builds(Caller, agent=agents, user=texts, persona=texts, key=maybe, proof=texts)
tools = st.builds(
    Tool,
    app=texts,
    name=st.sampled_from(["a", "b"]),
    access=st.sampled_from(list(Access)),
    target=st.sampled_from([None, "x"]),
    recorded=st.frozensets(st.sampled_from(["x", "y"]), max_size=1),
)
actions = st.builds(
    Action,
    protocol=st.sampled_from(["mcp", "rest", "grpc"]),
    app=maybe,
    name=st.sampled_from(["a", "b", "GET /a/B1"]),
    method=texts,
    kind=st.sampled_from(list(Kind)),
    tool=st.none() | tools,
    args=st.dictionaries(st.sampled_from(["x", "y", "z"]), texts | st.integers(), max_size=3),
    target=maybe,
)
classes = st.frozensets(st.sampled_from(["pii", "internal", "financial"]))
calls = st.builds(Call, at=instants, caller=callers, action=actions, classes=classes, session=maybe)
RULES = (Rule(name="pace", reason=Reason.BEHAVIOUR_LIMIT, watch=Calls(per=timedelta(minutes=1)), maximum=3),)
personas = st.builds(
    Persona, name=texts, version=texts, digest=texts, rules=st.sampled_from([(), RULES]), place=places
)
objections = st.lists(
    st.builds(Objection, st.sampled_from(list(Reason)), texts, places), min_size=1, max_size=3
).map(tuple)
grants = st.builds(Grant, id=texts, app=texts, place=places)
decisions = st.one_of(
    st.builds(Allow, grants),
    st.builds(Allow, grants, objections),
    st.builds(Deny, objections, judged=st.booleans(), shadowed=st.booleans()),
)
traces = st.builds(
    Trace, trace_id=st.sampled_from(["0" * 32, "ab" * 16, 'x"y']), parent=st.sampled_from(["1" * 16, ""])
)
requests = st.builds(
    Request,
    id=texts,
    method=texts,
    host=texts,
    trace=st.none() | traces,
    source=st.builds(Source, address=texts, principal=texts),
)
facts = st.builds(
    Fact,
    id=st.uuids().map(str),
    at=instants,
    request=requests,
    decision=decisions,
    latency_us=st.integers(0, 10**9),
    caller=st.none() | callers,
    call=st.none() | calls,
    persona=st.none() | personas,
    history=st.sampled_from([History(), History(figures=(2,)), History(figures=(None,))]),
    span_id=st.sampled_from([None, "c" * 16]),
    hints=st.dictionaries(texts, texts, max_size=2),
    notes=st.lists(texts, max_size=2).map(tuple),
)

SCRIBE = Scribe(DIGESTER)
"""One for all examples, so that what it remembers is put to the test as well."""


@given(facts)
def test_both_ways_agree_on_every_byte(made: Fact) -> None:
    """Two spellings of one record would be two truths."""
    plain = decision_record(made, DIGESTER)

    for _ in range(2):  # the second time from memory
        written = SCRIBE.write(made)
        if made.caller is None or made.call is None:
            assert written == plain
        else:
            assert written == orjson.dumps(plain)


def test_a_common_call_is_written_from_memory() -> None:
    """What is remembered is found again; another caller's record is not mixed up with it."""
    scribe = Scribe(DIGESTER)
    other = replace(CALL.caller, user="bob@example.com")

    for number in range(3):
        made = fact(number)
        theirs = replace(made, caller=other)
        assert scribe.write(made) == orjson.dumps(decision_record(made, DIGESTER))
        assert scribe.write(theirs) == orjson.dumps(decision_record(theirs, DIGESTER))


def test_memory_is_bounded() -> None:
    """Addresses and hosts are the client's to choose."""
    scribe = Scribe(Digester(b"k" * 32))
    made = fact(1)
    for number in range(ENTRIES * 2 + 5):
        source = Source(address=f"10.{number}")
        scribe.write(replace(made, request=replace(REQUEST, source=source, host=f"h{number}")))

    assert len(scribe._sources) <= ENTRIES  # noqa: SLF001 - what it holds is the question
    assert len(scribe._requests) <= ENTRIES  # noqa: SLF001 - likewise


def test_a_stranger_is_left_to_the_trail() -> None:
    """It decides what is folded by looking into the record."""
    assert SCRIBE.write(stranger(1)) == decision_record(stranger(1), DIGESTER)
    assert PERSONA is not None
