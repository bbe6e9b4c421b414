"""The way of a call: whatever is asked, there is one answer and one record, and only grants permit."""

import asyncio
import os
from collections.abc import Awaitable, Container
from typing import Any

import orjson
import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from authz.core.call import Call
from authz.core.history import History, Outcome
from authz.core.persona import Persona
from authz.server.pb.ext_authz_pb2 import CheckResponse
from tests.server.world import World, check, rpc, tool_call


def sent(response: CheckResponse) -> dict[str, str]:
    """Headers that the app gets."""
    return {one.header.key: one.header.value for one in response.ok_response.headers}


def body(response: CheckResponse) -> dict[str, Any]:
    """The JSON that the agent is answered."""
    found: dict[str, Any] = orjson.loads(response.denied_response.body)
    return found


def test_a_granted_call_goes_on_and_says_who_is_calling(here: World) -> None:
    """The app learns agent, user and persona; the key never reaches it."""
    (response,) = here.ask(check(key=here.key(), body=tool_call("get_ticket", ticket="T-1")))
    (record,) = here.records()

    assert response.status.code == 0
    assert (
        sent(response).items()
        >= {
            "x-persona-agent": "summarizer",
            "x-persona-user": "alice@example.com",
            "x-persona-name": "reader",
            "x-persona-decision": record["id"],
        }.items()
    )
    assert "authorization" in response.ok_response.headers_to_remove
    assert (record["decision"], record["effect"], record["reasons"]) == ("allow", "allowed", [])


def test_a_call_outside_of_the_job_is_refused_in_protocol_and_recorded(here: World) -> None:
    """The story: the user may write, the agent's job is to read."""
    (response,) = here.ask(check(key=here.key(), body=tool_call("close_ticket", ticket="T-1")))
    (record,) = here.records()

    assert response.status.code == 7
    assert response.denied_response.status.code == 200
    assert body(response)["result"]["isError"] is True
    assert (record["decision"], record["effect"]) == ("deny", "denied")
    assert [one["code"] for one in record["reasons"]] == ["tool.not-granted"]
    assert record["user"] == "alice@example.com"


@pytest.mark.parametrize(
    ("request_bytes", "code", "status"),
    [
        (check(body=tool_call("get_ticket")), "credential.missing", 401),
        (check(key="aak_prod_nonsense", body=tool_call("get_ticket")), "credential.malformed", 401),
        (b"\xff\xff", "request.malformed", 400),
        (b"", "credential.missing", 401),
    ],
)
def test_who_proves_nothing_is_refused_and_recorded(
    here: World, request_bytes: bytes, code: str, status: int
) -> None:
    """An empty or broken check is no way around the credential."""
    (response,) = here.ask(request_bytes)
    (record,) = here.records()

    assert response.denied_response.status.code == status
    assert [one["code"] for one in record["reasons"]] == [code]
    assert set(record["layers"].values()) == {"skipped"}


def test_a_list_shows_what_can_be_called_and_nothing_else(here: World) -> None:
    """What `tools/call` would deny for reasons known beforehand is not shown."""
    (response,) = here.ask(check(key=here.key(), body=rpc("tools/list")))

    assert response.status.code == 7
    assert response.denied_response.status.code == 200
    assert [one["name"] for one in body(response)["result"]["tools"]] == ["get_ticket"]
    assert here.records()[0]["decision"] == "allow"


def test_shadow_lets_through_what_it_waives_and_says_so(here: World) -> None:
    """Nothing breaks while a persona is rehearsed, and the record shows what would have been refused."""
    (response,) = here.ask(check(key=here.key(persona="rehearsal"), body=tool_call("close_ticket")))
    (record,) = here.records()

    assert response.status.code == 0
    assert (record["decision"], record["effect"]) == ("deny", "shadowed")


def test_shadow_never_waives_an_inactive_user(here: World) -> None:
    """A person who left is out, rehearsal or not."""
    key = here.key("bob@example.com", persona="rehearsal")
    (response,) = here.ask(check(key=key, body=tool_call("get_ticket")))

    assert response.status.code == 7
    assert here.records()[0]["effect"] == "denied"


def test_a_persona_that_nobody_defined_permits_nothing(here: World) -> None:
    """A key may outlive the definition that it names."""
    (response,) = here.ask(check(key=here.key(persona="gone"), body=tool_call("get_ticket")))

    assert response.status.code == 7
    assert [one["code"] for one in here.records()[0]["reasons"]] == ["agent.unknown"]


def test_calls_of_one_batch_cannot_share_the_last_slot(here: World) -> None:
    """Eight calls that one read brought, against a limit of five."""
    key = here.key()
    responses = here.ask(*[check(key=key, body=tool_call("get_ticket", ticket=f"T-{n}")) for n in range(8)])

    assert [one.status.code for one in responses] == [0] * 5 + [7] * 3
    assert len({one["id"] for one in here.records()}) == 8


def test_a_revoked_key_is_refused_at_once(here: World) -> None:
    """Revocation acts in the process that learns of it, from the next call on."""
    text = here.key()
    (first,) = here.ask(check(key=text, body=tool_call("get_ticket")))
    here.store.revoke(text.split("_")[2], here.store.list()[0].issued_at)
    (second,) = here.ask(check(key=text, body=tool_call("get_ticket")))

    assert (first.status.code, second.denied_response.status.code) == (0, 401)


def test_with_nothing_enforced_every_call_goes_on_and_the_record_says_what_would_have_been(
    here: World,
) -> None:
    """For the first days in front of agents that nobody may break; loud in every record."""
    here.authorizer.unsafe_shadow_all = True
    spoofed = {"x-persona-user": "root", "x-agent-access-key": here.key()}
    responses = here.ask(
        check(body=tool_call("get_ticket")),
        check(key=here.key(), body=tool_call("close_ticket")),
    )
    records = here.records()

    assert [one.status.code for one in responses] == [0, 0]
    assert set(responses[1].ok_response.headers_to_remove) == {"authorization"}
    unproven = here.ask(check(key="aak_prod_broken", body=tool_call("get_ticket"), headers=spoofed))
    assert set(unproven[0].ok_response.headers_to_remove) == {
        "authorization",
        "x-agent-access-key",
        "x-persona-user",
    }
    assert {(one["decision"], one["effect"]) for one in records} == {("deny", "shadowed")}
    assert all("unsafe-shadow-all" in one["notes"][-1] for one in records)


def test_what_cannot_be_recorded_is_refused(here: World) -> None:
    """A service that goes on without its trail can be silenced by filling a disk."""
    here.ask(check(key=here.key(), body=tool_call("get_ticket")))
    segment = here.authorizer.trail._proven.current  # noqa: SLF001 - where the disk is made full
    assert segment is not None
    full, kept = os.open("/dev/full", os.O_WRONLY), os.dup(segment.handle)
    os.dup2(full, segment.handle)
    (response,) = here.ask(check(key=here.key(), body=tool_call("get_ticket")))
    os.dup2(kept, segment.handle)
    os.close(full)
    os.close(kept)

    assert response.status.code == 7
    assert response.denied_response.status.code == 503
    assert here.problems[-1] != ""


class Broken:
    """Histories that fail: a store out of order."""

    def observe(
        self,
        call: Call,
        persona: Persona,
        passes: bool,  # noqa: FBT001 - the interface
        *,
        decision: str = "",
        waived: Container[str] = (),
    ) -> History:
        """Fail."""
        raise RuntimeError(f"{call}{persona}{passes}{decision}{waived}")

    def outcome(self, outcome: Outcome) -> None:
        """Take no outcome."""


class Slow(Broken):
    """Histories that must be waited for, and then fail."""

    def observe(self, *args: object, **named: object) -> Awaitable[History]:  # type: ignore[override]
        """Fail, later."""

        async def later() -> History:
            await asyncio.sleep(0)
            raise RuntimeError(f"{args}{named}")

        return later()


def test_our_own_fault_is_a_refusal(here: World) -> None:
    """A bug in a step is never a way through."""
    here.authorizer.histories = Broken()
    (response,) = here.ask(check(key=here.key(), body=tool_call("get_ticket")))

    assert response.denied_response.status.code == 503
    assert [one["code"] for one in here.records()[0]["reasons"]] == ["internal"]


async def test_a_history_that_fails_later_is_a_refusal_and_holds_no_other_call(here: World) -> None:
    """Calls that wait for a shared store never hold those that don't."""
    here.authorizer.histories = Slow()
    waiting, refused = here.authorizer(
        [({}, check(key=here.key(), body=tool_call("get_ticket"))), ({}, check(body=b"{}"))]
    )

    assert isinstance(refused, bytes)
    assert not isinstance(waiting, bytes)
    assert CheckResponse.FromString(await waiting).denied_response.status.code == 503
    assert {one["reasons"][0]["code"] for one in here.records()} == {"credential.missing", "internal"}


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_every_answer_has_a_record_and_only_what_passes_goes_on(here: World, data: st.DataObject) -> None:
    """The law of the service: OK to Envoy if and only if the record says so."""
    bodies = st.one_of(
        st.binary(max_size=60),
        st.sampled_from(["get_ticket", "close_ticket", "other"]).map(tool_call),
        st.sampled_from(["tools/list", "initialize", "ping", "resources/list", "no/such"]).map(rpc),
    )
    keys = st.sampled_from([None, "aak_x", here.key(), here.key(persona="rehearsal")])
    request = data.draw(
        st.builds(
            check,
            st.sampled_from(["POST", "GET", "DELETE", ""]),
            st.sampled_from(["/mcp", "/v1/accounts/A-1/balance", ""]),
            key=keys,
            app=st.sampled_from([None, "tickets", "billing", "nowhere"]),
            body=bodies,
        )
    )
    before = len(here.records())
    (response,) = here.ask(request)
    after = {record["id"]: record for record in here.records()}
    metadata: Struct = response.dynamic_metadata

    assert len(after) == before + 1
    record = after[metadata["decision"]]
    assert response.HasField("status")
    if response.status.code == 0:
        assert record["effect"] in {"allowed", "flagged", "shadowed"}
