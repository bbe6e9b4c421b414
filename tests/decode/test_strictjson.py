"""JSON that every parser reads alike, or a refusal."""

import contextlib
import json
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.core.call import Json
from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.decode.strictjson import MAX_DEPTH, distinct_keys, known_keys, names, read_json, target_of

SUITE = Path(__file__).resolve().parents[3] / "shared" / "data" / "JSONTestSuite" / "test_parsing"

values: st.SearchStrategy[Json] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.data
def test_nothing_is_accepted_that_orjson_rejects() -> None:
    """JSONTestSuite: the strict reader may refuse more, never less."""
    files = sorted(SUITE.glob("*.json"))
    for file in files:
        data = file.read_bytes()
        try:
            theirs = orjson.loads(data)
        except orjson.JSONDecodeError:
            with pytest.raises(Refusal):
                read_json(data)
            continue
        try:
            assert read_json(data) == theirs
        except Refusal:
            # What is refused besides is a key that stands twice, and nothing else.
            assert "duplicated_key" in file.name or "500_nested" in file.name, file.name
    assert len(files) > 300


@given(value=values, ascii_only=st.booleans())
def test_what_is_written_by_a_usual_writer_is_read_back(*, value: Json, ascii_only: bool) -> None:
    """Spaces and escapes are no reason to refuse: two writers differ in them."""
    written = json.dumps(value, ensure_ascii=ascii_only).encode()

    assert read_json(written) == orjson.loads(written)


@given(key=st.text(max_size=3), first=values, second=values, nested=st.booleans(), escaped=st.booleans())
def test_a_key_that_stands_twice_is_refused_wherever_it_stands(
    *, key: str, first: Json, second: Json, nested: bool, escaped: bool
) -> None:
    """The app may keep the other one of the two, however it is spelt."""
    plain = json.dumps(key)
    other = '"' + "".join(f"\\u{ord(one):04x}" for one in key) + '"' if escaped and key.isascii() else plain
    text = f"{{{plain}: {json.dumps(first)}, {other}: {json.dumps(second)}}}"

    with pytest.raises(Refusal) as refusal:
        read_json((f'{{"a": [{text}]}}' if nested else text).encode())

    assert refusal.value.objection.reason is Reason.REQUEST_AMBIGUOUS


@pytest.mark.parametrize("form", ["[]", "{}"])
def test_depth_is_bounded_exactly(form: str) -> None:
    """Holds orjson to the number of levels that `read_json` counts on."""
    opening, closing = ("[", "]") if form == "[]" else ('{"a":', "}")
    deepest = f"{opening * (MAX_DEPTH - 1)}{form}{closing * (MAX_DEPTH - 1)}"

    assert read_json(deepest.encode()) is not None
    for deeper in (1, 2, 100, 500):
        with pytest.raises(Refusal):
            read_json(f"{opening * deeper}{deepest}{closing * deeper}".encode())


def test_many_brackets_side_by_side_are_not_depth() -> None:
    """A long list of small objects is ordinary."""
    assert read_json(b"[" + b",".join([b"[]"] * 1000) + b"]") == [[]] * 1000


@given(st.binary())
def test_any_bytes_give_a_value_or_a_refusal(data: bytes) -> None:
    """No other exception leaves."""
    with contextlib.suppress(Refusal):
        read_json(data)


@pytest.mark.parametrize("key", ["Name", "NAME", "\uff4eame", "name\x00", "name\u200b"])
def test_a_key_that_could_be_taken_for_a_known_one_is_refused(key: str) -> None:
    """It alone, without the name that it is taken for."""
    with pytest.raises(Refusal):
        known_keys([key], "`params`", names({"name"}))


@pytest.mark.parametrize("key", ["names", "nam\u0435", "nam\u0065\u0301"])
def test_a_key_that_no_reader_takes_for_a_known_one_is_let_be(key: str) -> None:
    """Servers ignore members that they do not know."""
    known_keys([key], "`params`", names({"name"}))


def test_camel_case_keys_without_a_twin_are_ordinary() -> None:
    """Most tools have some."""
    distinct_keys(["maxResults", "pageToken", "query"], "the arguments")


def test_keys_in_other_scripts_are_ordinary_as_long_as_they_differ() -> None:
    """People name arguments in their own language."""
    distinct_keys(["größe", "länge", "名前"], "the arguments")
    with pytest.raises(Refusal):
        distinct_keys(["größe", "GRÖSSE"], "the arguments")


@pytest.mark.parametrize(
    ("value", "target"), [("A-1", "A-1"), (12, "12"), (True, "true"), (None, None), ([], None), (1.5, "1.5")]
)
def test_a_target_is_a_scalar_as_text(value: Json, target: str | None) -> None:
    """A list or an object is no target: a rule about it cannot hold."""
    assert target_of({"to": {"account": value}}, ["to", "account"]) == target
