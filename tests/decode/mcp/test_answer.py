"""Answers of clients, told by their shape."""

import pytest

from authz.core.call import Json, Kind
from authz.core.decision import Refusal
from authz.decode.mcp.answer import answered

ALL = frozenset({"sampling", "elicitation", "roots"})


@pytest.mark.parametrize(
    ("result", "name"),
    [
        ({"action": "accept", "content": {}}, "answer/elicitation"),
        ({"role": "assistant", "content": {}, "model": "m"}, "answer/sampling"),
        ({"roots": []}, "answer/roots"),
        ({}, "answer/empty"),
    ],
)
def test_an_answer_passes_only_where_the_app_may_ask_for_it(result: Json, name: str) -> None:
    """It may carry anything into the app."""
    body: dict[str, Json] = {"jsonrpc": "2.0", "id": 1, "result": result}

    assert answered(body, ALL) == (name, Kind.ANSWER)
    assert answered(body, frozenset()) == (name, Kind.UNKNOWN)


def test_an_answer_of_no_known_shape_never_passes() -> None:
    """Nobody can say what it answers."""
    assert answered({"id": 1, "result": {"x": 1}}, ALL)[1] is Kind.UNKNOWN


def test_an_error_passes_where_the_app_may_ask_anything() -> None:
    """A client that declines must be able to say so."""
    body: dict[str, Json] = {"id": 1, "error": {"code": -1, "message": "declined"}}

    assert answered(body, frozenset({"roots"})) == ("answer/error", Kind.ANSWER)
    assert answered(body, frozenset())[1] is Kind.UNKNOWN


@pytest.mark.parametrize(
    "body",
    [
        {"id": 1},
        {"result": {}},
        {"id": None, "result": {}},
        {"id": 1, "result": {}, "error": {}},
        {"id": 1, "result": []},
        {"id": 1, "result": {}, "params": {}},
        {"id": 1, "result": {"Action": "accept"}},
    ],
)
def test_what_is_neither_request_nor_answer_is_refused(body: dict[str, Json]) -> None:
    """The app would have to guess."""
    with pytest.raises(Refusal):
        answered(body, ALL)
