"""The control API as identity providers use it: SCIM of Okta and Entra ID, signals as RFC 8935 says."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from authz.core.app import Access
from authz.core.definitions import Definitions
from authz.core.user import Entitlement, User
from authz.identity.people import People, merged
from authz.identity.verifier import trusted_keys
from authz.server.control import Control, control_app
from authz.server.control_settings import ControlSettings, ScimClient, SignalIssuer, read_control_settings
from authz.server.settings import SettingsError
from authz.stores.assertion_keys import open_assertion_keys
from authz.stores.people import PeopleStore
from tests.identity.issuers import AT, NOW, published, signed

OKTA = "https://acme.okta.com/oauth2/aus1"
ENTRA = "https://login.microsoftonline.com/t/v2.0"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
READ = {"tickets": Entitlement(access=frozenset({Access.READ}))}
DIRECTORY = Definitions(
    users={
        "alice@example.com": User(id="alice@example.com", active=True, groups=frozenset({"staff"})),
        "root@example.com": User(id="root@example.com", active=True),
    },
    groups={"support-agents": READ, "admins": {"billing": Entitlement(access=frozenset({Access.WRITE}))}},
    subjects={f"{OKTA}|00u1": "alice@example.com"},
)


def token_hash(token: str) -> str:
    """What the settings hold of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


SETTINGS = ControlSettings(
    scim=(
        ScimClient(
            name="okta",
            issuer=OKTA,
            groups=frozenset({"support-agents"}),
            token_sha256=token_hash("okta-token"),
        ),
        ScimClient(name="entra", issuer=ENTRA, token_sha256=token_hash("entra-token")),
    ),
    signals=(
        SignalIssuer(
            issuer="https://signals.example.com",
            audience="personas",
            jwks="https://signals.example.com/jwks",
            subjects_of=frozenset({OKTA}),
            token_sha256=token_hash("ssf-token"),
        ),
    ),
)


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the real application over real stores."""
    people = PeopleStore(tmp_path / "people.sqlite")
    people.declare([one.source() for one in SETTINGS.scim])
    control = Control(
        settings=SETTINGS,
        people=people,
        assertions=open_assertion_keys(tmp_path, AT),
        jwks=lambda _url: published("k1"),
        clock=lambda: AT,
    )
    transport = httpx.ASGITransport(control_app(control))
    headers = {"authorization": "Bearer okta-token"}
    async with httpx.AsyncClient(transport=transport, base_url="https://control", headers=headers) as found:
        yield found
    people.close()


def now(folder: Path) -> Definitions:
    """The definitions with people as another process sees them."""
    store = PeopleStore(folder / "people.sqlite")
    found = merged(DIRECTORY, store.people())
    store.close()
    return found


async def created(client: httpx.AsyncClient, name: str = "alice@example.com", external: str = "00u1") -> str:
    """A user made by the client; its id."""
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": name,
        "externalId": external,
        "name": {"givenName": "A", "familyName": "B"},
        "emails": [{"primary": True, "value": name, "type": "work"}],
        "active": True,
    }
    answer = await client.post("/scim/v2/Users", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def operations(*listed: dict[str, Any]) -> dict[str, Any]:
    """A PATCH."""
    return {"schemas": [PATCH], "Operations": list(listed)}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "value": {"active": False}},
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "replace", "path": "active", "value": False},
        {"op": "Add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": "false"},
    ],
)
async def test_a_person_whom_the_provider_disables_is_inactive(
    client: httpx.AsyncClient, tmp_path: Path, operation: dict[str, Any]
) -> None:
    """The shapes of Okta and Entra ID; the agents of a disabled person stop."""
    user = await created(client)
    assert now(tmp_path).users["alice@example.com"].active

    answer = await client.patch(f"/scim/v2/Users/{user}", json=operations(operation))
    assert answer.status_code == 200
    assert answer.json()["active"] is False
    assert not now(tmp_path).users["alice@example.com"].active


async def test_deletion_disables_and_a_replacement_that_is_silent_enables_nobody(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """Someone who is gone must not come back by default."""
    user = await created(client)
    assert (await client.delete(f"/scim/v2/Users/{user}")).status_code == 204
    assert not now(tmp_path).users["alice@example.com"].active

    body = {"userName": "alice@example.com", "externalId": "00u1"}
    assert (await client.put(f"/scim/v2/Users/{user}", json=body)).json()["active"] is False
    assert not now(tmp_path).users["alice@example.com"].active
    answer = await client.put(f"/scim/v2/Users/{user}", json={**body, "active": True})
    assert answer.status_code == 200
    assert now(tmp_path).users["alice@example.com"].active


async def test_membership_follows_the_provider_in_groups_that_it_may_fill(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """Add as Okta does, remove as Okta and as Entra ID do; a group that is not on the list grants nothing."""
    user = await created(client, "bob@example.com", "00u2")
    group = (await client.post("/scim/v2/Groups", json={"displayName": "support-agents"})).json()["id"]
    admins = (
        await client.post("/scim/v2/Groups", json={"displayName": "admins", "members": [{"value": user}]})
    ).json()["id"]
    add = {"op": "add", "path": "members", "value": [{"value": user, "display": "bob@example.com"}]}
    removals = (
        {"op": "remove", "path": f'members[value eq "{user}"]'},
        {"op": "Remove", "path": "members", "value": [{"value": user}]},
        {"op": "replace", "value": {"id": group, "displayName": "support-agents", "members": []}},
        {"op": "remove", "path": "members"},
    )
    for removal in removals:
        assert (await client.patch(f"/scim/v2/Groups/{group}", json=operations(add))).status_code == 200
        bob = now(tmp_path).users["bob@example.com"]
        assert (bob.groups, bob.entitlements) == (frozenset({"support-agents"}), READ)
        assert (await client.patch(f"/scim/v2/Groups/{group}", json=operations(removal))).status_code == 200
        assert now(tmp_path).users["bob@example.com"].entitlements == {}
    assert (await client.delete(f"/scim/v2/Groups/{admins}")).status_code == 204
    assert (await client.get(f"/scim/v2/Groups/{admins}")).status_code == 404


async def test_a_provider_speaks_only_of_its_own_people(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """A tenant that provisions a name of ours gets nobody's rights, and can disable nobody else."""
    headers = {"authorization": "Bearer entra-token"}
    for name in ("alice@example.com", "root@example.com"):
        body = {"userName": name, "externalId": "00u1", "active": False}
        assert (await client.post("/scim/v2/Users", json=body, headers=headers)).status_code == 201

    found = now(tmp_path)
    assert found.users == DIRECTORY.users
    assert f"{ENTRA}|00u1" not in found.subjects
    assert (await client.get("/scim/v2/Users")).json()["totalResults"] == 0


@pytest.mark.parametrize(
    "body",
    [
        operations({"op": "replace", "path": "nonsense", "value": 1}),
        operations({"op": "replace", "path": "members", "value": []}),
        operations({"op": "move", "path": "active", "value": True}),
        operations({"op": "replace", "path": "active", "value": "perhaps"}),
        operations({"op": "replace", "path": 7, "value": True}),
        operations({"op": "replace", "value": True}),
        operations({"op": "remove", "path": "active"}),
        operations({"op": "remove"}),
        operations(),
        {"schemas": [PATCH], "Operations": "all"},
        {"Operations": [{"op": "replace", "value": {"active": False}}]},
        [],
    ],
)
async def test_a_patch_that_cannot_be_done_changes_nothing(
    client: httpx.AsyncClient,
    tmp_path: Path,
    body: Any,  # noqa: ANN401 - JSON
) -> None:
    """All operations or none."""
    user = await created(client)
    if isinstance(body, dict) and isinstance(body.get("Operations"), list) and body["Operations"]:
        body["Operations"].insert(0, {"op": "replace", "path": "externalId", "value": "00u9"})
    answer = await client.patch(f"/scim/v2/Users/{user}", json=body)

    assert answer.status_code == 400
    assert answer.json()["schemas"] == ["urn:ietf:params:scim:api:messages:2.0:Error"]
    assert (await client.get(f"/scim/v2/Users/{user}")).json()["externalId"] == "00u1"
    assert now(tmp_path).users["alice@example.com"].active


async def test_bad_input_is_answered_in_scims_own_words(client: httpx.AsyncClient) -> None:
    """Never a traceback, never a half-made resource."""
    await created(client)
    for content, status in (
        (b"{", 400),
        (b'{"userName":"a","userName":"b"}', 400),
        (b'{"userName":"a","username":"b"}', 400),
        (b"{}", 400),
        (b'{"userName":"a\\n"}', 400),
        (b'{"userName":"ALICE@example.com"}', 409),
        (b" " * (2 << 20), 413),
    ):
        answer = await client.post("/scim/v2/Users", content=content)
        assert answer.status_code == status
        assert answer.json()["status"] == str(status)
    assert (await client.get("/scim/v2/Users/none")).status_code == 404
    assert (await client.get("/scim/v2/Users", params={"filter": "active pr"})).status_code == 400
    assert (await client.get("/scim/v2/Users", params={"count": "x"})).status_code == 400


async def test_users_and_groups_are_found_as_providers_look_for_them(client: httpx.AsyncClient) -> None:
    """Both ask by name before they create."""
    await created(client)
    await client.post("/scim/v2/Groups", json={"displayName": "support-agents", "externalId": "g1"})
    for path, text, count in (
        ("Users", 'userName eq "Alice@Example.com"', 1),
        ("Users", 'externalId eq "00u1"', 1),
        ("Users", 'userName eq "nobody"', 0),
        ("Groups", 'displayName eq "support-agents"', 1),
        ("Groups", 'externalId eq "g2"', 0),
    ):
        answer = await client.get(f"/scim/v2/{path}", params={"filter": text})
        assert answer.json()["totalResults"] == count
    assert (await client.get("/scim/v2/ServiceProviderConfig")).json()["patch"] == {"supported": True}


async def test_nothing_opens_without_the_clients_token(client: httpx.AsyncClient) -> None:
    """An agent's key, another client's path, no token: all the same."""
    for value in ("", "Bearer", "Bearer x", "Basic okta-token", "Bearer aak_prod_x", "Bearer ssf-token"):
        headers = {"authorization": value}
        assert (await client.get("/scim/v2/Users", headers=headers)).status_code == 401
    for value in ("", "Bearer okta-token"):
        headers = {"authorization": value, "content-type": "application/secevent+jwt"}
        assert (await client.post("/ssf/events", headers=headers, content=b"a.b.c")).status_code == 401


async def test_the_jwks_is_for_everyone(client: httpx.AsyncClient) -> None:
    """Apps verify assertions with it."""
    answer = await client.get("/.well-known/jwks.json", headers={"authorization": ""})

    assert len(trusted_keys(answer.json())) == 1
    assert "d" not in answer.json()["keys"][0]


def event(name: str, *, subject: Any = None, jti: str = "s1", **changed: Any) -> str:  # noqa: ANN401 - JSON
    """A SET."""
    claims = {
        "iss": "https://signals.example.com",
        "aud": "personas",
        "iat": NOW,
        "jti": jti,
        "sub_id": subject or {"format": "iss_sub", "iss": OKTA, "sub": "00u1"},
        "events": {f"https://schemas.openid.net/secevent/{name}": {"event_timestamp": NOW - 10}},
        **changed,
    }
    return signed(
        {key: value for key, value in claims.items() if value is not None}, header={"typ": "secevent+jwt"}
    )


async def push(client: httpx.AsyncClient, text: str) -> httpx.Response:
    """Send a SET."""
    headers = {"authorization": "Bearer ssf-token", "content-type": "application/secevent+jwt"}
    return await client.post("/ssf/events", headers=headers, content=text)


async def test_an_account_that_is_disabled_by_a_signal_is_inactive_until_its_issuer_says_otherwise(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """RISC; an identity provider that goes on saying `active` does not lift it."""
    user = await created(client)
    assert (await push(client, event("risc/event-type/account-disabled"))).status_code == 202
    assert not now(tmp_path).users["alice@example.com"].active

    body = operations({"op": "replace", "value": {"active": True}})
    await client.patch(f"/scim/v2/Users/{user}", json=body)
    assert not now(tmp_path).users["alice@example.com"].active
    assert (await push(client, event("risc/event-type/account-enabled", jti="s2"))).status_code == 202
    assert now(tmp_path).users["alice@example.com"].active


async def test_a_set_that_is_sent_again_changes_nothing(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """A replayed `account-disabled` must not lock a person out again."""
    disabled = event("risc/event-type/account-disabled")
    await push(client, disabled)
    await push(client, event("risc/event-type/account-enabled", jti="s2"))
    assert (await push(client, disabled)).status_code == 202
    assert now(tmp_path).users["alice@example.com"].active


async def test_a_person_lifts_what_a_signal_disabled(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """A transmitter that is wrong, or gone, does not have the last word."""
    await push(client, event("risc/event-type/account-disabled"))
    store = PeopleStore(tmp_path / "people.sqlite")
    assert store.lift(f"{OKTA}|00u1", "carol")
    assert not store.lift(f"{OKTA}|00u1", "carol")
    store.close()
    assert now(tmp_path).users["alice@example.com"].active


async def test_a_session_that_was_revoked_ends_tokens_issued_before(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """CAEP, in Okta's shape too: the subject inside the event, times in milliseconds."""
    inside = {
        "https://schemas.openid.net/secevent/caep/event-type/session-revoked": {
            "subject": {"user": {"format": "iss_sub", "iss": OKTA, "sub": "00u2"}},
            "event_timestamp": (NOW - 7) * 1000,
        }
    }
    assert (await push(client, event("caep/event-type/session-revoked"))).status_code == 202
    okta = event("x", jti="s2", events=inside, sub_id=None)
    assert (await push(client, okta)).status_code == 202

    store = PeopleStore(tmp_path / "people.sqlite")
    assert store.people().ended == {f"{OKTA}|00u1": NOW - 10, f"{OKTA}|00u2": NOW - 7}
    store.close()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"iss": "https://evil.example"}, "invalid_issuer"),
        ({"aud": "someone else"}, "invalid_audience"),
        ({"jti": None}, "invalid_request"),
        ({"events": {}}, "invalid_request"),
        ({"iat": NOW + 3600}, "invalid_request"),
        ({"sub_id": {"format": "email", "email": "alice@example.com"}}, "invalid_request"),
        ({"sub_id": {"format": "iss_sub", "iss": ENTRA, "sub": "00u1"}}, "access_denied"),
        ({"sub_id": {"format": "opaque", "id": "00u1"}}, "access_denied"),
    ],
)
async def test_a_signal_that_is_not_for_us_or_not_its_business_is_refused(
    client: httpx.AsyncClient, tmp_path: Path, changed: dict[str, Any], code: str
) -> None:
    """Whoever can disable people can stop the company."""
    answer = await push(client, event("risc/event-type/account-disabled", **changed))

    assert (answer.status_code, answer.json()["err"]) == (400, code)
    assert now(tmp_path).users["alice@example.com"].active


async def test_forged_signals_are_refused(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """Another key, another type of token, no token."""
    good = event("risc/event-type/account-disabled")
    head, body, _ = good.split(".")
    plain = signed({"iss": "https://signals.example.com", "aud": "personas"})
    for text in (f"{head}.{body}.eA", plain, "a.b.c", "", "\u00e9"):
        assert (await push(client, text)).status_code == 400
    wrong = await client.post("/ssf/events", headers={"authorization": "Bearer ssf-token"}, content=good)
    assert wrong.status_code == 400
    assert now(tmp_path).users["alice@example.com"].active


async def test_a_worker_learns_within_a_second(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """A disabled user's agents stop on the next call, in every worker."""
    await created(client)
    workers = [PeopleStore(tmp_path / "people.sqlite") for _ in range(2)]
    seen: list[list[People]] = [[], []]
    following = [
        asyncio.create_task(store.follow(found.append)) for store, found in zip(workers, seen, strict=True)
    ]
    loop = asyncio.get_running_loop()
    while not all(seen):  # noqa: ASYNC110 - a thread's work
        await asyncio.sleep(0.01)
    await push(client, event("risc/event-type/account-disabled"))
    began = loop.time()
    while any(merged(DIRECTORY, found[-1]).users["alice@example.com"].active for found in seen):
        assert loop.time() - began < timedelta(seconds=1).total_seconds()
        await asyncio.sleep(0.01)
    for task in following:
        task.cancel()
    for store in workers:
        store.close()


@pytest.mark.parametrize(
    "text",
    [
        "scim: [{name: a}]",
        "nonsense: 1",
        "[",
        json.dumps({"scim": [{"name": "a", "issuer": "i", "token_sha256": "0" * 64}] * 2}),
        json.dumps({"signals": [{"issuer": "i", "audience": "a", "jwks": "http://x", "subjects_of": ["i"]}]}),
    ],
)
def test_settings_that_cannot_stand_are_told_in_a_line(tmp_path: Path, text: str) -> None:
    """Two clients with one token would be one client."""
    (tmp_path / "control.yaml").write_text(text)

    with pytest.raises(SettingsError) as caught:
        read_control_settings(tmp_path / "control.yaml")
    assert "\n" not in str(caught.value)
    with pytest.raises(SettingsError):
        read_control_settings(tmp_path / "none.yaml")
