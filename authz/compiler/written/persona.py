"""`kind: Persona`: the job of an agent, in four layers."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from authz.compiler.written.base import (
    AccessName,
    AppName,
    Closed,
    DataClass,
    Header,
    Level,
    Metadata,
    OneOrMore,
    Scalar,
    Text,
)
from authz.compiler.written.behaviour import BehaviourWritten
from authz.compiler.written.cases import Case


class UsersWritten(Closed):
    """Layer 1: on whose behalf. Either key matching is enough; who is in neither is refused."""

    groups: list[Text] = Field(
        default_factory=list, description="Members of these groups.", examples=[["support-agents"]]
    )
    ids: list[Text] = Field(
        default_factory=list, description="These people.", examples=[["alice@example.com"]]
    )


class AgentWritten(Closed):
    """Layer 2: an agent that may assume the persona. All that is given must match."""

    id: Text = Field(description="Which agent.", examples=["support-summarizer"])
    models: list[Text] | None = Field(
        None, description="Models it may run on; `*` and `?` stand for others.", examples=[["claude-*"]]
    )
    versions: str | None = Field(None, description="Range of versions (PEP 440).", examples=[">=1.4,<2"])
    deployments: list[Text] | None = Field(None, description="Where it may run.", examples=[["prod-eu"]])
    workload: Text | None = Field(
        None,
        description="SPIFFE id that must be proven for each call.",
        examples=["spiffe://example.org/ns/agents/sa/support-summarizer"],
    )


class InList(Closed):
    """A named list of a `Lists` document."""

    in_list: AppName = Field(description="Which list.", examples=["customer-domains"])


class Constraint(Closed):
    """What one argument must be. All that is given must hold; an argument that is absent, of another type,
    or a list where one value is expected does not satisfy."""  # noqa: D205, D209 - one sentence of rule

    max: float | None = Field(None, description="A number, at most this.", examples=[50])
    min: float | None = Field(None, description="A number, at least this.", examples=[1])
    equals: Scalar | None = Field(None, description="Exactly this.", examples=["EUR"])
    in_: list[Scalar] | None = Field(None, alias="in", description="One of these.", examples=[["EUR", "USD"]])
    in_list: AppName | None = Field(
        None, description="One of a named list (`kind: Lists`).", examples=["payees"]
    )
    under: OneOrMore | None = Field(
        None,
        description="A path at or below this one; no `.`, `..`, empty or encoded segments.",
        examples=["/reports"],
    )
    domain: list[Text] | InList | None = Field(
        None, description="Exactly one mail address, in one of these domains.", examples=[["example.com"]]
    )
    pattern: str | None = Field(
        None, description="Text that the RE2 pattern matches whole.", examples=["INV-[0-9]{6}"]
    )
    max_length: int | None = Field(
        None, ge=0, description="Text of at most so many characters.", examples=[4000]
    )
    each: "Constraint | None" = Field(
        None,
        description="A list, not empty, each element of which satisfies this.",
        examples=[{"domain": ["example.com"]}],
    )
    optional: bool = Field(
        default=False,
        description="True: the argument may be absent; if it is there it must satisfy.",
        examples=[True],
    )


Where: TypeAlias = Annotated[
    dict[Text, Constraint],
    Field(
        description="What arguments must be, by path (`amount`, `to.address`).",
        examples=[{"amount": {"max": 50}, "to": {"each": {"domain": ["example.com"]}}}],
    ),
]


class GrantWritten(Closed):
    """Layer 3a: what the persona may call. Nothing is granted by silence."""

    app: AppName = Field(description="In which app.", examples=["tickets"])
    access: list[AccessName] | None = Field(
        None, description="Everything with this access that was reviewed.", examples=[["read"]]
    )
    tools: list[Text] | None = Field(
        None,
        description="These tools, by name or pattern; with `access` both must hold.",
        examples=[["draft_reply", "search_*"]],
    )
    except_: list[Text] = Field(
        default_factory=list,
        alias="except",
        description="Names or patterns taken out.",
        examples=[["delete_*"]],
    )
    when: str | None = Field(
        None,
        description="CEL over `args`, `user`, `agent` and `call`; anything but true denies.",
        examples=["args.body.size() < 4000"],
    )
    where: Where = Field(default_factory=dict)


class DataWritten(Closed):
    """Layer 3b: which data classes the persona may touch."""

    allow: list[DataClass] = Field(
        default_factory=list,
        description="Classes; `pii` covers `pii.contact`.",
        examples=[["public", "internal", "pii.contact"]],
    )
    unlabelled: Literal["deny", "allow"] = Field(
        "deny", description="What becomes of a call whose data nobody labelled.", examples=["deny"]
    )
    ceiling: Level | None = Field(
        None,
        description="Highest sensitivity; a class of unknown sensitivity is above it.",
        examples=["confidential"],
    )


class PersonaDocument(Header):
    """The job of an agent: on whose behalf, by which agent, with what, and how it behaves."""

    kind: Literal["Persona"] = Field(description="What the document defines.", examples=["Persona"])
    metadata: Metadata = Field(
        description="Who the persona is.", examples=[{"name": "support-summarizer", "version": "3"}]
    )
    mode: Literal["enforce", "shadow"] = Field(
        "enforce",
        description="`shadow` records what it would refuse, and lets it through.",
        examples=["enforce"],
    )
    users: UsersWritten = Field(
        description="Layer 1: on whose behalf.", examples=[{"groups": ["support-agents"]}]
    )
    agents: list[AgentWritten] = Field(
        description="Layer 2: who may assume it; one entry must match whole.",
        examples=[[{"id": "support-summarizer", "models": ["claude-*"], "versions": ">=1.4,<2"}]],
    )
    tools: list[GrantWritten] = Field(
        default_factory=list,
        description="Layer 3a: what it may call.",
        examples=[[{"app": "tickets", "access": ["read"]}]],
    )
    data: DataWritten = Field(
        default_factory=lambda: DataWritten.model_validate({}),
        description="Layer 3b: which classes it may touch; left out, none.",
        examples=[{"allow": ["public", "internal"], "unlabelled": "deny"}],
    )
    behaviour: BehaviourWritten = Field(
        default_factory=lambda: BehaviourWritten.model_validate({}),
        description="Layer 4: what in-scope looks like; declared, not learned.",
        examples=[{"limits": [{"name": "pace", "calls": 60, "per": "1m"}], "on_drift": "deny"}],
    )
    tests: list[Case] = Field(
        default_factory=list,
        description="Cases that `personas test` runs.",
        examples=[
            [{"name": "reads", "call": {"app": "tickets", "tool": "search_tickets"}, "expect": "allow"}]
        ],
    )
