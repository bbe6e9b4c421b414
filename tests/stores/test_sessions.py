"""Whose MCP session it is."""

from datetime import UTC, datetime, timedelta

from authz.core.call import Action, Agent, Call, Caller, Kind
from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.stores.sessions import LASTS, Sessions

AT = datetime(2026, 7, 1, tzinfo=UTC)


def _call(
    user: str, session: str | None = "s", *, app: str = "crm", key: str = "k", at: datetime = AT
) -> Call:
    caller = Caller(agent=Agent(id="a"), user=user, persona="p", key=key)
    action = Action(protocol="mcp", app=app, name="ping", kind=Kind.SESSION)
    return Call(at=at, caller=caller, action=action, session=session)


def _taken(sessions: Sessions, call: Call) -> bool:
    try:
        sessions.admit(call, binds=False)
    except Refusal as refusal:
        return refusal.objection.reason is Reason.CREDENTIAL_SESSION
    return False


def test_a_session_is_that_of_the_first_who_uses_it() -> None:
    """Another who presents it has learned it somewhere; a rotated key is the same caller."""
    sessions = Sessions()
    sessions.admit(_call("alice"), binds=True)

    assert _taken(sessions, _call("bob"))
    assert not _taken(sessions, _call("alice", key="k9"))
    assert not _taken(sessions, _call("bob", app="wiki"))
    assert not _taken(sessions, _call("bob", "other"))


def test_a_call_outside_of_a_session_is_nobodys() -> None:
    """The stateless era has none."""
    sessions = Sessions()
    sessions.admit(_call("alice", None), binds=True)

    assert not _taken(sessions, _call("bob", None))


def test_a_session_unused_for_long_is_forgotten() -> None:
    """An app may give the same id again."""
    sessions = Sessions()
    sessions.admit(_call("alice"), binds=True)

    assert _taken(sessions, _call("bob", at=AT + LASTS - timedelta(seconds=1)))
    assert not _taken(sessions, _call("bob", at=AT + LASTS))


def test_the_number_of_sessions_is_bounded() -> None:
    """The one unused for longest goes first."""
    sessions = Sessions(most=2)
    for name in ("a", "b", "a", "c"):
        sessions.admit(_call("alice", name), binds=True)

    assert [_taken(sessions, _call("bob", name)) for name in "abc"] == [True, False, True]
