"""Route templates as a trie."""

import pytest

from authz.core.app import Match, Tool
from authz.core.decision import Refusal
from authz.decode.rest.trie import Trie
from tests.decode.requests import tool


def _route(template: str, method: str = "GET") -> Tool:
    return tool("billing", f"{method} {template}", match=Match(method=method, path=template))


def _found(trie: Trie, path: str, method: str = "GET") -> tuple[str, dict[str, str]] | None:
    found = trie.find(method, path[1:].split("/") if path != "/" else [])
    return None if found is None else (found.tool.name, found.values)


def test_a_template_gives_its_parameters() -> None:
    """They are arguments."""
    trie = Trie([_route("/v1/{a}/b/{c}")])

    assert _found(trie, "/v1/x/b/y") == ("GET /v1/{a}/b/{c}", {"a": "x", "c": "y"})
    assert _found(trie, "/v1/x/b") is None
    assert _found(trie, "/v1/x/b/y/z") is None
    assert _found(trie, "/v1/x/b/y", "POST") is None


def test_the_particular_wins_at_the_first_difference() -> None:
    """As routers do; and what leads nowhere is left again."""
    trie = Trie([_route("/{a}/list"), _route("/users/{id}"), _route("/users/me"), _route("/users/{id}.json")])

    assert _found(trie, "/users/me") == ("GET /users/me", {})
    assert _found(trie, "/users/7.json") == ("GET /users/{id}.json", {"id": "7"})
    assert _found(trie, "/users/7") == ("GET /users/{id}", {"id": "7"})
    assert _found(trie, "/users/list") == ("GET /users/{id}", {"id": "list"})
    assert _found(trie, "/groups/list") == ("GET /{a}/list", {"a": "groups"})


def test_a_segment_may_hold_several_parameters() -> None:
    """GitHub's `compare/{base}...{head}`."""
    trie = Trie([_route("/compare/{base}...{head}")])

    assert _found(trie, "/compare/main...topic") == (
        "GET /compare/{base}...{head}",
        {"base": "main", "head": "topic"},
    )
    assert _found(trie, "/compare/main") is None


def test_two_tools_of_one_route_are_no_tool() -> None:
    """Nobody can say which is meant; names of parameters make no difference."""
    trie = Trie([_route("/v1/{a}"), tool("billing", "other", match=Match(method="GET", path="/v1/{b}"))])

    with pytest.raises(Refusal):
        _found(trie, "/v1/x")


def test_the_root_is_a_route() -> None:
    """Of no segments."""
    assert _found(Trie([_route("/")]), "/") == ("GET /", {})


def test_what_has_no_route_is_not_found() -> None:
    """A tool of another protocol has none."""
    assert _found(Trie([tool("billing", "x"), _route("relative")]), "/relative") is None
