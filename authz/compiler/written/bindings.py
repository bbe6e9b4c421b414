"""`kind: Bindings`: which tokens and workloads are believed, and whom they stand for."""

from typing import Literal, TypeAlias

from pydantic import Field

from authz.compiler.written.base import Closed, Header, LooseMetadata, PersonaName, Text

Algorithm: TypeAlias = Literal[
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"
]


class PickWritten(Closed):
    """A value: fixed, or what a claim says."""

    value: Text | None = Field(None, description="Always this.", examples=["support-summarizer"])
    claim: Text | None = Field(
        None,
        description="What this claim says: a dotted path, or a whole URL as its name.",
        examples=["act.sub", "https://example.com/agent"],
    )
    table: dict[Text, Text] | None = Field(
        None,
        alias="map",
        description="What the claim's values mean; others mean nothing.",
        examples=[{"0oa1abc": "support-summarizer"}],
    )
    separated: bool = Field(
        default=False,
        description="Whether the claim is a text of values with spaces between.",
        examples=[False],
    )


class RequireWritten(Closed):
    """A claim that a token must hold."""

    claim: Text = Field(description="A dotted path, or a whole URL as its name.", examples=["tid"])
    one_of: list[Text] = Field(min_length=1, description="One of these must be there.", examples=[["11"]])
    separated: bool = Field(
        default=False,
        description="Whether the claim is a text of values with spaces between.",
        examples=[True],
    )


class UserFromWritten(Closed):
    """On whose behalf the token acts."""

    subject: Text | None = Field(
        None,
        description="Claim that, with the issuer, is one of the user's `subjects` in the Directory.",
        examples=["sub", "oid"],
    )
    id: Text | None = Field(
        None,
        description="Always this user: for tokens of an agent that acts for nobody in particular.",
        examples=["operations@example.com"],
    )


class TokenWritten(Closed):
    """Tokens of one issuer."""

    name: PersonaName = Field(description="Name of the binding; unique in the set.", examples=["okta"])
    issuer: Text = Field(
        description="`iss`, character by character.", examples=["https://acme.okta.com/oauth2/aus1"]
    )
    audiences: list[Text] = Field(
        min_length=1, description="One of them must be in `aud`.", examples=[["api://tools"]]
    )
    jwks: Text = Field(
        description="Where the issuer's keys are; nothing else is ever asked.",
        examples=["https://acme.okta.com/oauth2/aus1/v1/keys"],
    )
    algorithms: list[Algorithm] = Field(
        default_factory=lambda: list[Algorithm](["RS256"]),
        min_length=1,
        description="Algorithms that are believed.",
        examples=[["RS256", "ES256"]],
    )
    types: list[Text] = Field(
        default_factory=list,
        description="Admitted `typ`; none stated admits `JWT`, `at+jwt` and none.",
        examples=[["at+jwt"]],
    )
    header: Text = Field(
        "authorization", description="Request header that carries the token.", examples=["x-user-jwt"]
    )
    require: list[RequireWritten] = Field(
        default_factory=list,
        description="What a token must hold besides; all of it.",
        examples=[[{"claim": "tid", "one_of": ["8f1c0f5e-0000-4000-8000-000000000000"]}]],
    )
    user: UserFromWritten = Field(description="On whose behalf.", examples=[{"subject": "sub"}])
    agent: PickWritten = Field(description="Which agent.", examples=[{"claim": "act.sub"}])
    model: PickWritten | None = Field(None, description="Its model.", examples=[{"claim": "model"}])
    version: PickWritten | None = Field(None, description="Its version.", examples=[{"claim": "version"}])
    deployment: PickWritten | None = Field(
        None, description="Where it is deployed.", examples=[{"value": "prod-eu"}]
    )
    persona: PickWritten = Field(
        description="Which persona; a token that maps to none or to several is refused.",
        examples=[{"value": "support-summarizer"}],
    )


class WorkloadWritten(Closed):
    """A workload that needs no credential: mTLS proves it."""

    principal: Text = Field(
        description="The peer's identity as Envoy states it: a SPIFFE id.",
        examples=["spiffe://example.org/ns/agents/sa/summarizer"],
    )
    agent: Text = Field(description="Which agent it is.", examples=["support-summarizer"])
    user: Text = Field(description="On whose behalf.", examples=["operations@example.com"])
    persona: PersonaName = Field(description="Which persona.", examples=["support-summarizer"])
    model: Text | None = Field(None, description="Its model.", examples=["claude-sonnet"])
    version: Text | None = Field(None, description="Its version.", examples=["1.4"])
    deployment: Text | None = Field(None, description="Where it is deployed.", examples=["prod-eu"])


class BindingsDocument(Header):
    """Tokens and workloads that are believed, and whom they stand for."""

    kind: Literal["Bindings"] = Field(description="What the document defines.", examples=["Bindings"])
    metadata: LooseMetadata = Field(
        default_factory=lambda: LooseMetadata.model_validate({}),
        description="Who keeps them.",
        examples=[{"name": "okta", "owner": "identity@example.com"}],
    )
    tokens: list[TokenWritten] = Field(default_factory=list, description="Tokens, by issuer.", examples=[[]])
    workloads: list[WorkloadWritten] = Field(
        default_factory=list, description="Workloads, by peer identity.", examples=[[]]
    )
