"""SCIM resources from any JSON: a value or an error in SCIM's words."""

from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from authz.identity.scim import (
    PATCH,
    ScimError,
    ScimGroup,
    ScimUser,
    group_of,
    patched_group,
    patched_user,
    user_of,
    wanted,
)

json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
paths = (
    st.none()
    | st.integers()
    | st.sampled_from(["active", "members", 'members[value eq "1"]', "emails", "x", ""])
)
operations = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["add", "Replace", "remove", "move"]) | json,
        "path": paths,
        "value": json,
    },
)
ATTRIBUTES = ("userName", "displayName", "active", "externalId", "members", "schemas")
schemas = st.just([PATCH]) | json
listed = st.lists(operations | json, max_size=3) | json
patches = json | st.fixed_dictionaries({"schemas": schemas, "Operations": listed})
bodies = json | st.fixed_dictionaries({}, optional=dict.fromkeys(ATTRIBUTES, json))
USER = ScimUser(id="1", user_name="a")
GROUP = ScimGroup(id="1", name="g", members=frozenset({"1"}))


@given(patches, bodies)
def test_any_json_gives_a_resource_or_an_error(patch: Any, body: Any) -> None:  # noqa: ANN401 - JSON
    """Whatever a client sends, it is answered."""
    for attempt in (
        lambda: user_of(body, "1"),
        lambda: group_of(body, "1"),
        lambda: patched_user(USER, patch),
        lambda: patched_group(GROUP, patch),
    ):
        with suppress(ScimError):
            assert attempt() is not None


@given(st.text(max_size=60))
def test_any_filter_is_understood_or_refused(text: str) -> None:
    """A filter that is guessed at would show the wrong people."""
    with suppress(ScimError):
        assert wanted(text) is not None
    assert wanted('userName eq "a"') == ("username", "a")
    assert wanted(None) is None
