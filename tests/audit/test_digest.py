"""Secrets are hidden wherever they turn up, and digests match equal values."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.audit.digest import HIDDEN, LONGEST, UNSEARCHED, Digester, safe
from authz.core.call import Json

SECRETS = [
    "aak_prod_K1a2b3_" + "s" * 43 + "abc123",
    "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl",
    "Bearer abcdef0123456789",
    "Basic dXNlcjpwYXNzd29yZA==",
    "ghp_" + "a" * 36,
    "xoxb-1234567890-abcdef",
    "sk-" + "a" * 40,
    "AKIAIOSFODNN7EXAMPLE",
]

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("around", ["{}", "before {} after", "x={}&y=1", "`{}`"])
def test_what_looks_like_a_credential_is_hidden(secret: str, around: str) -> None:
    """An agent may put its key anywhere: into a tool's name, a header, a session."""
    said = safe(around.format(secret))

    assert secret not in said
    assert HIDDEN in said


@pytest.mark.parametrize("text", ["search_tickets", "tools/call adjust_balance", "claude-4", "task-list"])
def test_ordinary_names_are_left_alone(text: str) -> None:
    """A record that hides everything proves nothing."""
    assert safe(text) == text


def test_a_text_of_any_length_takes_bounded_room() -> None:
    """The agent chooses these texts; it must not fill the disk with them."""
    assert len(safe("x" * 1_000_000)) == LONGEST + 1


@given(json)
def test_a_digest_exists_for_any_value_and_depends_on_the_key(value: object) -> None:
    """Arguments are the agent's word: none may make recording fail, none may be guessed without the key."""
    assert Digester(b"a" * 32).of(value) == Digester(b"a" * 32).of(value)
    assert Digester(b"a" * 32).of(value) != Digester(b"b" * 32).of(value)


@given(st.text(min_size=4), st.text(max_size=10))
def test_a_value_never_shows_in_a_detail(value: str, word: str) -> None:
    """However a condition words its objection."""
    digester = Digester(b"k" * 32)

    said = digester.hide(f"`{value}` is above the {word} limit", {"note": value}, frozenset())

    assert f"`{value}`" not in said


def test_numbers_beyond_64_bits_and_lone_surrogates_have_digests() -> None:
    """Both are JSON that an agent may send."""
    digester = Digester(b"k" * 32)

    assert digester.of({"n": 2**70}) != digester.of({"n": 2**70 + 1})
    assert digester.of({"s": "\ud800"}) == digester.of({"s": "\ud800"})


def test_the_key_is_not_in_the_representation() -> None:
    """A traceback must not carry it."""
    assert "kkkk" not in repr(Digester(b"k" * 32))


def test_a_path_that_no_definition_knows_keeps_its_words_only() -> None:
    """Nobody has said which segments are arguments; equal ones must match all the same."""
    digester = Digester(b"k" * 32)

    said = digester.path("DELETE /v1/accounts/ACC-12345/notes?token=x#y")

    assert said == f"DELETE /v1/accounts/{digester.of('ACC-12345')}/notes"
    assert digester.path("GET /") == "GET /"
    assert len(digester.path("GET " + "/Aa" * 1000)) < 1000


def test_arguments_without_end_cost_no_more_than_many() -> None:
    """Recording is on the path of a call: neither their number nor their depth may stop it."""
    digester = Digester(b"k" * 32)
    many: dict[str, Json] = {str(number): str(number) for number in range(100_000)}
    deep: Json = {"end": "PLANTED"}
    for _ in range(5000):
        deep = {"x": [deep]}

    assert digester.hide("`7` is wrong", many, frozenset()) == UNSEARCHED
    assert digester.of(deep) == digester.of([deep])
    assert "PLANTED" not in digester.hide("`PLANTED`", {"x": deep}, frozenset())


def test_what_may_be_read_is_bounded_and_holds_no_credential() -> None:
    """`record:` names an argument; what the agent puts into it is another matter."""
    digester = Digester(b"k" * 32)

    assert digester.shown(["a", {"b": SECRETS[0]}]) == ["a", {"b": HIDDEN}]
    assert digester.shown({"a": ["x" * 10] * 1000}) == digester.of({"a": ["x" * 10] * 1000})
    assert digester.shown("x" * 5000) == "x" * LONGEST + "…"
    assert digester.shown(7) == 7
