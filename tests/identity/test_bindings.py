"""Ready-made bindings: a token of each documented shape names one agent, one user and one persona."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from authz.compiler import DefinitionsError, SourceFile, compile_set
from authz.core.call import Agent, Caller
from authz.core.decision import Refusal
from authz.core.definitions import Definitions
from authz.core.reason import Reason
from authz.core.request import Request, Source
from authz.identity.hints import hints_of
from authz.identity.key import new_key
from authz.identity.ladder import Believed, credential_headers, identify
from authz.identity.ring import KeyRing
from authz.identity.tokens import Tokens
from tests.identity.issuers import AT, NOW, published, signed

FOLDER = Path(__file__).parents[2] / "personas" / "bindings"
TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"
TIMES = {"iat": NOW - 5, "nbf": NOW - 5, "exp": NOW + 3600}
BASE = """
apiVersion: personas/v1
kind: App
metadata: {name: tickets}
protocol: mcp
upstream: {url: "http://127.0.0.1:1"}
tools: [{name: search, access: read, data: [internal]}]
---
apiVersion: personas/v1
kind: Persona
metadata: {name: support-summarizer}
users: {ids: [alice@example.com]}
agents: [{id: support-summarizer}]
tools: [{app: tickets, access: [read]}]
data: {allow: [internal]}
---
apiVersion: personas/v1
kind: Directory
users:
  - id: alice@example.com
    subjects:
      - https://acme.okta.com/oauth2/aus1abcd|00u1abcd
      - https://acme.eu.auth0.com/|auth0|5f7c8ec7
      - https://login.microsoftonline.com/72f988bf-0000-4000-8000-2d7cd011db47/v2.0|0b1e3c5d-user
      - https://sts.windows.net/72f988bf-0000-4000-8000-2d7cd011db47/|0b1e3c5d-user
      - https://litellm.acme.example|alice
      - portkey-mcp-gateway|user-17
      - https://idp.example.com|alice
"""
ENTRA = {
    "aud": "6e74172b-0000-4000-8000-9cff0761e0b8",
    "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
    "tid": TENANT,
    "ver": "2.0",
    "uti": "u",
    "rh": "0.AAA",
    **TIMES,
}
OKTA = {
    "ver": 1,
    "jti": "AT.1",
    "iss": "https://acme.okta.com/oauth2/aus1abcd",
    "aud": "api://agent-tools",
    "cid": "0oa1client",
    "uid": "00u1abcd",
    "scp": ["tools.call"],
    "auth_time": NOW - 60,
    "sub": "00u1abcd",
    "act": {"sub": "wlp1summarizer", "sub_profile": "ai_agent"},
    "iat": NOW,
    "exp": NOW + 3600,
}
SHAPES: Mapping[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "okta": ("okta", {}, OKTA),
    "auth0-agent": (
        "auth0",
        {"typ": "at+jwt"},
        {
            "iss": "https://acme.eu.auth0.com/",
            "sub": "auth0|5f7c8ec7",
            "aud": ["https://tools.acme.example", "https://acme.eu.auth0.com/userinfo"],
            "client_id": "aB3client",
            "jti": "j1",
            "scope": "openid tools:call",
            "permissions": ["tools:call"],
            "org_id": "org_1",
            "act": {"sub": "agt_summarizer", "sub_profile": "ai_agent"},
            "iat": NOW,
            "exp": NOW + 3600,
        },
    ),
    "auth0-client": (
        "auth0",
        {"typ": "at+jwt"},
        {
            "iss": "https://acme.eu.auth0.com/",
            "sub": "auth0|5f7c8ec7",
            "aud": "https://interactive.acme.example",
            "client_id": "aB3summarizer",
            "jti": "j2",
            "https://acme.example/agent": "yes",
            "iat": NOW,
            "exp": NOW + 3600,
        },
    ),
    "entra-v2": (
        "entra",
        {},
        {
            **ENTRA,
            "oid": "0b1e3c5d-user",
            "sub": "pairwise",
            "azp": "0f3a5e9c-0000-4000-8000-000000000001",
            "azpacr": "1",
            "scp": "User.Read Tools.Call",
            "groups": ["other", "b1e0f0a0-0000-4000-8000-5a5a5a5a5a5a"],
            "preferred_username": "alice@example.com",
        },
    ),
    "entra-v1": (
        "entra",
        {},
        {
            "aud": "api://6e74172b-0000-4000-8000-9cff0761e0b8",
            "iss": f"https://sts.windows.net/{TENANT}/",
            "tid": TENANT,
            "ver": "1.0",
            "oid": "0b1e3c5d-user",
            "sub": "pairwise",
            "appid": "0f3a5e9c-0000-4000-8000-000000000001",
            "appidacr": "1",
            "scp": "Tools.Call",
            "upn": "alice@example.com",
            "unique_name": "alice@example.com",
            **TIMES,
        },
    ),
    "entra-agent-for-a-user": (
        "entra-agent-id",
        {},
        {
            **ENTRA,
            "idtyp": "user",
            "oid": "0b1e3c5d-user",
            "sub": "pairwise",
            "azp": "a9e17000-0000-4000-8000-000000000011",
            "azpacr": "2",
            "scp": "Tools.Call",
            "xms_act_fct": "3 11",
            "xms_sub_fct": "1",
            "xms_par_app_azp": "b10e0000-blueprint",
            "xms_tnt_fct": "3",
        },
    ),
    "entra-agent-on-its-own": (
        "entra-agent-id",
        {},
        {
            **ENTRA,
            "idtyp": "app",
            "oid": "a9e17000-0000-4000-8000-000000000011",
            "sub": "a9e17000-0000-4000-8000-000000000011",
            "azp": "a9e17000-0000-4000-8000-000000000011",
            "roles": ["Tools.Call"],
            "xms_act_fct": "11",
            "xms_sub_fct": "11",
            "xms_idrel": "7",
        },
    ),
    "azure-ai-foundry": (
        "azure-ai-foundry",
        {},
        {
            **ENTRA,
            "idtyp": "app",
            "oid": "f0a11d00-0000-4000-8000-000000000011",
            "sub": "f0a11d00-0000-4000-8000-000000000011",
            "azp": "f0a11d00-0000-4000-8000-000000000011",
            "xms_act_fct": "11",
            "xms_sub_fct": "11",
        },
    ),
    "bedrock-agentcore": (
        "bedrock-agentcore",
        {"typ": None},
        {
            "sub": "1example23456789",
            "iss": "https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEf123",
            "version": 2,
            "client_id": "1example23456789",
            "aud": "https://tools.acme.example",
            "token_use": "access",
            "scope": "tools/call",
            "auth_time": NOW,
            "jti": "j3",
            "iat": NOW,
            "exp": NOW + 3600,
        },
    ),
    "vertex-agent-engine": (
        "vertex-agent-engine",
        {},
        {
            "iss": "https://sts.googleapis.com/v1/organizations/123456/locations/global/"
            "workloadIdentityPools/agents.global.org-123456.system.id.goog",
            "sub": "principal://agents.global.org-123456.system.id.goog/resources/aiplatform/projects/42/"
            "locations/europe-west4/reasoningEngines/777",
            "aud": "https://tools.acme.example",
            "iat": NOW,
            "exp": NOW + 3600,
        },
    ),
    "litellm": (
        "litellm",
        {},
        {
            "iss": "https://litellm.acme.example",
            "aud": "mcp",
            "sub": "alice",
            "act": {"sub": "team-support"},
            "scope": "mcp:tools/search:call",
            "iat": NOW,
            "nbf": NOW,
            "exp": NOW + 300,
        },
    ),
    "portkey": (
        "portkey",
        {},
        {
            "iss": "portkey-mcp-gateway",
            "sub": "user-17",
            "aud": "https://tools.acme.example",
            "email": "alice@example.com",
            "iat": NOW,
            "exp": NOW + 300,
        },
    ),
    "rfc8693": (
        "rfc8693",
        {},
        {
            "iss": "https://idp.example.com",
            "aud": "https://tools.acme.example",
            "sub": "alice",
            "act": {"sub": "support-summarizer", "act": {"sub": "orchestrator"}},
            "exp": NOW + 300,
        },
    ),
}


def compiled(binding: str, more: str = "") -> Definitions:
    """The base with one of the ready-made bindings beside it."""
    files = [SourceFile("base.yaml", (BASE + more).encode())]
    files.append(SourceFile(f"{binding}.yaml", (FOLDER / f"{binding}.yaml").read_bytes()))
    return compile_set(files).definitions


def believed(definitions: Definitions) -> Believed:
    """These bindings, with every issuer's keys at hand."""
    jwks = {one.jwks: published("k1") for one in definitions.bindings}
    return Believed(Tokens(definitions, jwks), lambda _name, _at: False)


def caller_of(binding: str, header: dict[str, Any], claims: dict[str, Any], **headers: str) -> Caller:
    """Who a request with this token comes from."""
    definitions = compiled(binding)
    name = definitions.bindings[0].header
    token = signed(claims, header=header)
    value = token if name != "authorization" else f"Bearer {token}"
    request = Request(headers={name: value, **headers})
    return identify(request, AT, KeyRing.of([], b"p"), believed(definitions))


def reason(binding: str, header: dict[str, Any], claims: dict[str, Any]) -> Reason:
    """Why the token is refused."""
    with pytest.raises(Refusal) as caught:
        caller_of(binding, header, claims)
    return caught.value.objection.reason


@pytest.mark.parametrize("shape", SHAPES)
def test_a_token_of_the_documented_shape_names_agent_user_and_persona(shape: str) -> None:
    """Service account X becomes agent X, on behalf of user Y, whichever platform it runs on."""
    caller = caller_of(*SHAPES[shape])

    assert caller == Caller(
        agent=Agent(id="support-summarizer", model="claude-sonnet", version="1.4", deployment="prod-eu"),
        user="alice@example.com",
        persona="support-summarizer",
        key=caller.key,
        proof="token",
    )
    assert caller.key is not None
    assert caller.key.startswith("token:")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("claim", "value", "expected"),
    [
        ("iss", "https://evil.example", Reason.CREDENTIAL_UNKNOWN),
        ("aud", "https://elsewhere.example", Reason.CREDENTIAL_UNKNOWN),
        ("aud", None, Reason.CREDENTIAL_UNKNOWN),
        ("exp", NOW - 61, Reason.CREDENTIAL_EXPIRED),
        ("exp", None, Reason.CREDENTIAL_MALFORMED),
        ("exp", "tomorrow", Reason.CREDENTIAL_MALFORMED),
        ("nbf", NOW + 61, Reason.CREDENTIAL_EXPIRED),
        ("cnf", {"kid": "x"}, Reason.CREDENTIAL_SOURCE),
    ],
)
def test_a_token_that_is_not_for_us_and_now_is_refused(
    shape: str, claim: str, value: object, expected: Reason
) -> None:
    """Issuer, audience and time are checked for every provider alike."""
    binding, header, claims = SHAPES[shape]
    changed = {**claims, claim: value}
    if value is None:
        del changed[claim]

    assert reason(binding, header, changed) is expected


@pytest.mark.parametrize("shape", SHAPES)
def test_the_leeway_of_a_token_is_sixty_seconds(shape: str) -> None:
    """The clocks of issuers differ; inside the leeway a token passes."""
    binding, header, claims = SHAPES[shape]

    caller_of(binding, header, {**claims, "exp": NOW - 59})
    caller_of(binding, header, {**claims, "nbf": NOW + 60, "iat": NOW + 60})


@pytest.mark.parametrize(
    ("shape", "claim", "value", "expected"),
    [
        ("okta", "sub", "00u9", Reason.USER_UNKNOWN),
        ("okta", "act", {"sub": "wlp9", "sub_profile": "ai_agent"}, Reason.AGENT_UNKNOWN),
        ("okta", "act", {"sub": "wlp1summarizer", "sub_profile": "user"}, Reason.CREDENTIAL_UNKNOWN),
        ("okta", "act", None, Reason.CREDENTIAL_UNKNOWN),
        ("entra-v2", "tid", "another-tenant", Reason.CREDENTIAL_UNKNOWN),
        ("entra-v2", "oid", "somebody", Reason.USER_UNKNOWN),
        ("entra-v2", "azp", "another-client", Reason.AGENT_UNKNOWN),
        ("entra-v2", "scp", "User.Read", Reason.CREDENTIAL_UNKNOWN),
        ("entra-v2", "groups", ["other"], Reason.CREDENTIAL_UNKNOWN),
        ("entra-agent-for-a-user", "xms_act_fct", "3 111", Reason.CREDENTIAL_UNKNOWN),
        ("entra-agent-on-its-own", "idtyp", "user", Reason.USER_UNKNOWN),
        (
            "rfc8693",
            "act",
            {"sub": "orchestrator", "act": {"sub": "support-summarizer"}},
            Reason.AGENT_UNKNOWN,
        ),
        ("litellm", "act", {"sub": ["team-support", "team-admin"]}, None),
    ],
)
def test_what_is_not_mapped_is_not_believed(
    shape: str, claim: str, value: object, expected: Reason | None
) -> None:
    """Only what the binding names counts; the rest of a token means nothing."""
    binding, header, claims = SHAPES[shape]
    changed = {**claims, claim: value}
    if value is None:
        del changed[claim]

    if expected is None:
        assert caller_of(binding, header, changed).agent.id == "support-summarizer"
    else:
        assert reason(binding, header, changed) is expected


def test_groups_that_were_left_out_for_their_number_admit_nobody() -> None:
    """Entra's overage: that a claim is elsewhere is no membership."""
    binding, header, claims = SHAPES["entra-v2"]
    changed = {
        **claims,
        "_claim_names": {"groups": "src1"},
        "_claim_sources": {"src1": {"endpoint": "https://graph.windows.net/x/users/y/getMemberObjects"}},
    }
    del changed["groups"]

    with pytest.raises(Refusal) as caught:
        caller_of(binding, header, changed)
    assert caught.value.objection.reason is Reason.CREDENTIAL_UNKNOWN
    assert "groups" in caught.value.objection.detail


def test_a_workload_that_mtls_proves_needs_no_credential() -> None:
    """The record says how the agent was proven."""
    definitions = compiled("spiffe")
    principal = "spiffe://example.org/ns/agents/sa/support-summarizer"
    ring, known = KeyRing.of([], b"p"), believed(definitions)

    caller = identify(Request(source=Source(principal=principal)), AT, ring, known)
    assert (caller.proof, caller.agent.id, caller.agent.workload) == (
        "workload",
        "support-summarizer",
        principal,
    )
    for other in ("", principal + "/x", principal.upper()):
        with pytest.raises(Refusal) as caught:
            identify(Request(source=Source(principal=other)), AT, ring, known)
        assert caught.value.objection.reason is Reason.CREDENTIAL_MISSING


def test_unsigned_hints_go_to_the_record_and_decide_nothing() -> None:
    """Anyone can send them."""
    headers: dict[str, Any] = {
        "x-litellm-agent-id": "admin",
        "x-portkey-metadata": json.dumps({"_user": "root"}),
        "http-referer": "https://app.example",
        "x-user-claims": "{}",
    }
    caller = caller_of(*SHAPES["litellm"], **headers)

    assert (caller.agent.id, caller.user) == ("support-summarizer", "alice@example.com")
    assert hints_of(Request(headers=headers)) == dict(sorted(headers.items()))
    assert hints_of(Request(headers={"accept": "*/*"})) == {}


def test_a_bindings_own_header_is_a_credential_that_ends_here() -> None:
    """The app must not get what could be used again."""
    known = believed(compiled("portkey"))

    assert credential_headers(Request(headers={"x-user-jwt": "a.b.c", "dpop": "a"}), known) == {
        "x-user-jwt",
        "dpop",
    }
    assert credential_headers(Request(headers={"x-user-jwt": "a.b.c"}), None) == frozenset()


def test_a_key_beside_a_token_of_another_issuer_leaves_it_to_the_app() -> None:
    """`passthrough`: the client's own `Authorization` is not judged when the key came in its own header."""
    token = signed({**OKTA, "iss": "https://the-apps-own.example"})
    key = new_key("prod", "0a1b2c3d4e5f", bytes(32))
    request = Request(headers={"authorization": f"Bearer {token}", "x-agent-access-key": key})

    with pytest.raises(Refusal) as caught:
        identify(request, AT, KeyRing.of([], b"p"), believed(compiled("okta")))
    assert caught.value.objection.detail == "no such key"


@pytest.mark.parametrize("claim", ["email", "upn", "preferred_username", "unique_name", "act.email"])
def test_a_user_bound_to_what_others_can_change_does_not_compile(claim: str) -> None:
    """An administrator of another tenant can set an e-mail address to yours."""
    text = (FOLDER / "okta.yaml").read_text().replace("{subject: sub}", f"{{subject: {claim}}}")

    with pytest.raises(DefinitionsError) as caught:
        compile_set([SourceFile("base.yaml", BASE.encode()), SourceFile("okta.yaml", text.encode())])
    assert [problem.place.file for problem in caught.value.problems] == ["okta.yaml"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("jwks: https://acme.okta.com", "jwks: http://acme.okta.com"),
        ("jwks: https://acme.okta.com", "jwks: file:///etc"),
        ('audiences: ["api://agent-tools"]', "audiences: []"),
        ("{subject: sub}", "{}"),
        ("{subject: sub}", "{subject: sub, id: alice@example.com}"),
        ("{subject: sub}", "{id: nobody@example.com}"),
        ("one_of: [ai_agent]", "one_of: []"),
        ("{claim: act.sub, map: {wlp1summarizer: support-summarizer}}", "{}"),
        (
            "map: {wlp1summarizer: support-summarizer}}\n    model",
            "map: {wlp1summarizer: x}, value: y}\n    model",
        ),
        ("persona: {claim: act.sub, map: {wlp1summarizer: support-summarizer}}", "persona: {value: other}"),
        ("    require:", "    algorithms: [HS256]\n    require:"),
        ("    require:", "    algorithms: [none]\n    require:"),
        ("    require:", "    header: x-agent-access-key\n    require:"),
        ("    require:", "    jku: https://x\n    require:"),
    ],
)
def test_a_binding_that_would_believe_too_much_does_not_compile(before: str, after: str) -> None:
    """What is wrong in a binding lets strangers in: it never gets into force."""
    text = (FOLDER / "okta.yaml").read_text()
    assert before in text

    with pytest.raises(DefinitionsError):
        compile_set(
            [
                SourceFile("base.yaml", BASE.encode()),
                SourceFile("okta.yaml", text.replace(before, after).encode()),
            ]
        )


def test_every_ready_made_binding_has_a_token_here() -> None:
    """A file that nobody tried is not ready-made."""
    tried = {binding for binding, _, _ in SHAPES.values()} | {"spiffe"}

    assert {path.stem for path in FOLDER.glob("*.yaml")} == tried
