"""`kind: App`: a system behind Envoy and what it can do."""

from typing import Literal

from pydantic import Field

from authz.compiler.written.base import (
    AccessName,
    AppMetadata,
    Closed,
    DataClass,
    Header,
    Level,
    OneOrMore,
    Text,
    ToolName,
)


class MatchWritten(Closed):
    """How a call of the tool is recognised on the wire."""

    method: Text = Field(
        description="REST: the HTTP method. gRPC: the full method.",
        examples=["GET", "/shipping.v1.Shipping/GetShipment"],
    )
    path: Text | None = Field(
        None, description="REST: the route template.", examples=["/v1/accounts/{account}/balance"]
    )


class ToolWritten(Closed):
    """One thing that the app can do."""

    name: ToolName = Field(description="Name; for MCP as on the wire.", examples=["get_balance"])
    access: AccessName = Field(description="What it does to the world.", examples=["read"])
    match: MatchWritten | None = Field(
        None,
        description="REST and gRPC: how it is recognised. MCP: leave it out.",
        examples=[{"method": "GET", "path": "/v1/accounts/{account}/balance"}],
    )
    data: list[DataClass] = Field(
        default_factory=list, description="Data classes that it always touches.", examples=[["financial"]]
    )
    target: Text | None = Field(
        None, description="The argument that says what the call is about.", examples=["account"]
    )
    labels: dict[Text, dict[Text, list[DataClass]]] = Field(
        default_factory=dict,
        description="Classes by the value of an argument; patterns add to `data`, they never remove.",
        examples=[{"args.account": {"ACME-*": ["restricted"]}}],
    )
    case: Literal["ignore", "exact"] | None = Field(
        None,
        description="Whether `labels` tell `acme` from `ACME`; as the app says unless given.",
        examples=["exact"],
    )
    review: bool = Field(
        default=False, description="Imported and not yet looked at by a person: denied.", examples=[True]
    )
    recorded: OneOrMore = Field(
        default_factory=list,
        description="Arguments that may be in the trail in clear.",
        examples=[["account"]],
    )
    title: str | None = Field(None, description="For people.", examples=["Balance of an account"])
    description: str | None = Field(None, description="For people.", examples=["Reads one balance."])


class ResourceWritten(Closed):
    """MCP resources, by a pattern over their URIs."""

    match: Text = Field(description="Pattern over URIs.", examples=["file:///reports/*"])
    access: AccessName = Field("read", description="What reading it does.", examples=["read"])
    data: list[DataClass] = Field(
        default_factory=list, description="Data classes of what is read.", examples=[["internal"]]
    )
    review: bool = Field(default=False, description="Not yet looked at by a person: denied.", examples=[True])


class PromptWritten(Closed):
    """An MCP prompt."""

    name: ToolName = Field(description="Name as on the wire.", examples=["triage"])
    access: AccessName = Field("read", description="What getting it does.", examples=["read"])
    data: list[DataClass] = Field(
        default_factory=list, description="Data classes that it brings.", examples=[["internal"]]
    )
    review: bool = Field(default=False, description="Not yet looked at by a person: denied.", examples=[True])


class UpstreamWritten(Closed):
    """Where the app is and how it is spoken to."""

    url: Text | None = Field(None, description="Where it is.", examples=["http://127.0.0.1:8202"])
    hosts: list[Text] = Field(
        default_factory=list, description="Host names that mean this app.", examples=[["billing.internal"]]
    )
    authorization: Literal["strip", "passthrough", "inject"] = Field(
        "strip", description="What the app gets as `Authorization`.", examples=["strip"]
    )
    descriptors: Text | None = Field(
        None,
        description="gRPC: a file with a FileDescriptorSet, beside this one "
        "(`.binpb`, `.pb`, `.desc` or `.protoset`).",
        examples=["shipping.binpb"],
    )


class AppDocument(Header):
    """A system behind Envoy: what it can do, and what data that touches."""

    kind: Literal["App"] = Field(description="What the document defines.", examples=["App"])
    metadata: AppMetadata = Field(description="Who the app is.", examples=[{"name": "billing"}])
    protocol: Literal["mcp", "rest", "grpc"] = Field(description="How it is spoken to.", examples=["rest"])
    upstream: UpstreamWritten = Field(
        default_factory=lambda: UpstreamWritten.model_validate({}),
        description="Where it is.",
        examples=[{"url": "http://127.0.0.1:8202", "hosts": ["billing.internal"]}],
    )
    tools: list[ToolWritten] = Field(
        default_factory=list,
        description="What it can do; what is not here is denied.",
        examples=[[{"name": "search_tickets", "access": "read", "data": ["internal"], "target": "query"}]],
    )
    resources: list[ResourceWritten] = Field(
        default_factory=list,
        description="MCP: its resources.",
        examples=[[{"match": "file:///reports/*", "access": "read", "data": ["internal"]}]],
    )
    prompts: list[PromptWritten] = Field(
        default_factory=list, description="MCP: its prompts.", examples=[[{"name": "triage"}]]
    )
    client_requests: list[Literal["sampling", "elicitation", "roots"]] = Field(
        default_factory=list,
        description="MCP: what the server may ask of the client.",
        examples=[["elicitation"]],
    )
    targets: dict[Text, list[DataClass]] = Field(
        default_factory=dict,
        description="Classes by the value of a tool's `target`; patterns add, they never remove.",
        examples=[{"ACME-*": ["restricted"]}],
    )
    case: Literal["ignore", "exact"] = Field(
        "ignore", description="Whether `targets` and `labels` tell `acme` from `ACME`.", examples=["exact"]
    )
    sensitivity: dict[DataClass, Level] = Field(
        default_factory=dict,
        description="How sensitive classes are; the highest said anywhere holds.",
        examples=[{"financial": "confidential"}],
    )
    assertion: Literal["cached", "per-call"] = Field(
        "cached",
        description="`per-call`: the assertion has the decision and the digest of the arguments.",
        examples=["per-call"],
    )
