"""What an app sees: who is calling by our word, never a credential of ours, never a client's word for it."""

import pytest

from authz.core.call import Agent, Caller
from authz.core.request import Request
from authz.identity.key import new_key
from authz.identity.upstream import Upstream, upstream_headers

KEY = new_key("prod", "0a1b2c3d4e5f", bytes(range(32)))
CALLER = Caller(agent=Agent(id="summarizer"), user="alice@example.com", persona="support")
STATED = (
    ("x-persona-agent", "summarizer"),
    ("x-persona-user", "alice@example.com"),
    ("x-persona-name", "support"),
    ("x-persona-decision", "d-1"),
)


def upstream(headers: dict[str, str], authorization: str = "strip", assertion: str | None = None) -> Upstream:
    """What becomes of these headers."""
    return upstream_headers(
        Request(headers=headers),
        CALLER,
        persona="support",
        decision="d-1",
        authorization=authorization,
        assertion=assertion,
    )


def test_an_app_is_told_who_is_calling() -> None:
    """Service account X becomes agent X, on behalf of user Y."""
    assert upstream({"accept": "*/*"}) == Upstream(STATED, (), ())
    assert upstream({}, assertion="a.b.c").set == (*STATED, ("x-persona-assertion", "a.b.c"))


@pytest.mark.parametrize("authorization", ["strip", "passthrough", "inject"])
@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {KEY}"},
        {"x-agent-access-key": KEY},
        {"authorization": f"Bearer {KEY}", "x-agent-access-key": KEY},
        {"authorization": "Bearer a.b.c"},
    ],
)
def test_our_credential_never_reaches_an_app(authorization: str, headers: dict[str, str]) -> None:
    """An app that could read it could act as the agent."""
    assert set(upstream(headers, authorization).remove) == set(headers)


@pytest.mark.parametrize(
    ("authorization", "stays"), [("strip", False), ("passthrough", True), ("inject", False)]
)
def test_the_clients_own_authorization_goes_on_only_where_the_app_says_so(
    authorization: str,
    stays: bool,  # noqa: FBT001 - a table
) -> None:
    """With our key in its own header, `Authorization` may be the app's business."""
    found = upstream({"authorization": "Bearer theirs", "x-agent-access-key": KEY}, authorization)

    assert ("authorization" not in found.remove) is stays
    assert "x-agent-access-key" in found.remove
    assert bool(found.notes) is stays


def test_what_a_client_sends_under_our_names_is_replaced_or_removed_and_noted() -> None:
    """Otherwise an agent could tell an app that it is someone else."""
    found = upstream(
        {
            "x-persona-user": "root",
            "x-persona-admin": "1",
            "x_persona_user": "root",
            "x-persona-assertion": "a.b.c",
            "x-envoy-auth-failure-mode-allowed": "true",
            "x_agent_access_key": KEY,
        }
    )

    assert found.remove == (
        "x-persona-admin",
        "x_persona_user",
        "x-persona-assertion",
        "x-envoy-auth-failure-mode-allowed",
        "x_agent_access_key",
    )
    assert found.notes == (
        "the client sent `x-persona-user`: replaced",
        "the client sent `x-persona-admin`: removed",
        "the client sent `x_persona_user`: removed",
        "the client sent `x-persona-assertion`: removed",
        "the client sent `x-envoy-auth-failure-mode-allowed`: removed",
    )
    assert dict(found.set)["x-persona-user"] == "alice@example.com"


def test_a_name_that_no_header_can_carry_is_encoded() -> None:
    """A line break in a name must not become a header of its own."""
    caller = Caller(agent=Agent(id="a\r\nx-admin: 1"), user="jürgen", persona="support")
    found = upstream_headers(Request(), caller, persona="support", decision="d-1", authorization="strip")

    assert dict(found.set)["x-persona-agent"] == "a%0D%0Ax-admin: 1"
    assert dict(found.set)["x-persona-user"] == "j%C3%BCrgen"


def test_a_bindings_own_header_is_taken_out_and_flags_are_told() -> None:
    """A token for us in a header of its own is a credential like any other."""
    found = upstream_headers(
        Request(headers={"x-user-jwt": "a.b.c"}),
        CALLER,
        persona="support",
        decision="d-1",
        authorization="passthrough",
        flags=("behaviour.limit",),
        credentials=frozenset({"x-user-jwt"}),
    )

    assert found.remove == ("x-user-jwt",)
    assert dict(found.set)["x-persona-flags"] == "behaviour.limit"
