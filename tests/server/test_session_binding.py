"""A session of MCP belongs to one caller."""

from tests.server.world import World, check, rpc


def test_another_callers_session_is_refused_and_recorded(here: World) -> None:
    """Its id is a secret: who presents it besides its owner has learned it somewhere."""
    session = {"mcp-session-id": "s-1", "mcp-protocol-version": "2025-11-25"}
    alice, other = here.key(), here.key(persona="rehearsal")
    asked = rpc("ping")

    (first, stolen, again) = (
        here.ask(check(key=key, body=asked, headers=session))[0] for key in (alice, other, alice)
    )

    assert (first.status.code, again.status.code) == (0, 0)
    assert (stolen.status.code, stolen.denied_response.status.code) == (7, 401)
    assert [one["reasons"] for one in here.records()][1][0]["code"] == "credential.session"


def test_a_call_that_is_refused_takes_no_session(here: World) -> None:
    """Or whoever guesses an id could keep its owner out."""
    session = {"mcp-session-id": "s-2"}
    (refused,) = here.ask(check(key=here.key(user="bob@example.com"), body=rpc("ping"), headers=session))
    (mine,) = here.ask(check(key=here.key(), body=rpc("ping"), headers=session))

    assert (refused.status.code, mine.status.code) == (7, 0)
