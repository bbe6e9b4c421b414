"""Any bytes give definitions or problems with places, and never another exception."""

from copy import deepcopy

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.compiler import DefinitionsError, Place, Problem, SourceFile, compile_set
from authz.compiler.problem import Problems
from authz.compiler.source import Plain, read
from tests.compiler.world import FILE, WHOLE

FULL = WHOLE.replace(
    "data:\n  allow",
    "behaviour:\n  hours: {timezone: UTC, from: '07:00', to: '20:00'}\n"
    "  limits: [{calls: 1, per: 1m}, {sum: args.x, max: 1, per: 1h}]\n  session: {max: 8h}\n"
    "  sequences: [{after: {tools: [get_ticket]}, deny: {access: send}, within: 1h}]\n"
    "tests:\n  - {name: a, call: {tool: get_ticket, at: '2026-03-02T10:00:00Z'}, expect: allow}\n"
    "data:\n  allow",
)
TOKENS = sorted({*FULL.replace(",", " ").replace("{", " ").replace("}", " ").split()})
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False)
    | st.sampled_from(TOKENS)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(TOKENS).map(lambda x: x.rstrip(":")), inner)
    ),
    max_leaves=12,
)


def compiles(data: bytes) -> None:
    """Compile, or say why not with places of the file."""
    found: tuple[Problem, ...] = ()
    try:
        compile_set([SourceFile(FILE, data)], pinned={"tickets": data, "x.pb": data})
    except DefinitionsError as error:
        found = error.problems or (Problem(Place("nowhere"), ""),)
    assert {one.place.file for one in found} <= {FILE}
    assert all(one.message.isprintable() for one in found)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.text("{}[]:,-?&*!|>'\"%@`#\n ~ab", max_size=40).map(str.encode))
def test_bytes(data: bytes) -> None:
    """Whatever an editor, a template or a broken disk left there."""
    compiles(data)


@settings(max_examples=500, deadline=None)
@given(
    st.integers(0, len(FULL)), st.integers(0, 40), st.sampled_from([*TOKENS, "", "{", "]", ": ", "\n", "- "])
)
def test_good_definitions_with_a_piece_replaced(at: int, length: int, token: str) -> None:
    """The mistakes that people make."""
    compiles((FULL[:at] + token + FULL[at + length :]).encode())


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_good_definitions_with_one_value_of_another_shape(data: st.DataObject) -> None:
    """JSON is YAML: what a program writes may have any shape anywhere."""
    documents = [deepcopy(one.value) for one in read(SourceFile(FILE, FULL.encode()), Problems())]
    where: Plain = data.draw(st.sampled_from(documents))
    while isinstance(where, dict | list) and where:
        keys: list[str] | list[int] = list(where) if isinstance(where, dict) else list(range(len(where)))
        key = data.draw(st.sampled_from(keys))
        inner = where[key]  # type: ignore[index,call-overload]  # a key of its own
        if not isinstance(inner, dict | list) or not inner or data.draw(st.booleans()):
            where[key] = data.draw(VALUES)  # type: ignore[index,call-overload]  # likewise
            break
        where = inner

    compiles(b"\n---\n".join(map(orjson.dumps, documents)))
