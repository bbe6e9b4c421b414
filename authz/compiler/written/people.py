"""`kind: Directory`: people, their groups, and the ceiling over every persona."""

from typing import Literal

from pydantic import Field

from authz.compiler.written.base import AccessName, AppName, Closed, Header, Level, LooseMetadata, Text


class UserWritten(Closed):
    """A person."""

    id: Text = Field(description="Who it is; case matters.", examples=["alice@example.com"])
    subjects: list[Text] = Field(
        default_factory=list,
        description="The person at identity providers: `issuer|subject`.",
        examples=[["https://idp.example.com|00u1"]],
    )
    active: bool = Field(
        default=True, description="False: nothing is done on behalf of this person.", examples=[True]
    )
    groups: list[Text] = Field(
        default_factory=list, description="Groups the person is in.", examples=[["support-agents"]]
    )
    clearance: Level | None = Field(
        None,
        description="Highest sensitivity that the person may see; none stated, none asked.",
        examples=["confidential"],
    )


class EntitlementWritten(Closed):
    """What members of a group may do in one app."""

    app: AppName = Field(description="Which app.", examples=["tickets"])
    access: list[AccessName] | None = Field(
        None, description="Everything with this access.", examples=[["read", "write"]]
    )
    tools: list[Text] | None = Field(
        None,
        description="These tools, by name or pattern; with `access` both must hold.",
        examples=[["get_*"]],
    )


class GroupWritten(Closed):
    """People with the same entitlements."""

    name: Text = Field(description="Name as in the identity provider.", examples=["support-agents"])
    entitlements: list[EntitlementWritten] = Field(
        default_factory=list,
        description="The ceiling: a persona never grants more than its user has.",
        examples=[[{"app": "tickets", "access": ["read", "write"]}]],
    )


class DirectoryDocument(Header):
    """People and groups; kept current by SCIM and Shared Signals in production."""

    kind: Literal["Directory"] = Field(description="What the document defines.", examples=["Directory"])
    metadata: LooseMetadata = Field(
        default_factory=lambda: LooseMetadata.model_validate({}),
        description="Who keeps it.",
        examples=[{"owner": "it@example.com"}],
    )
    external: bool = Field(
        default=False,
        description="True: groups and users may be known only to SCIM; unknown ones are warnings.",
        examples=[False],
    )
    users: list[UserWritten] = Field(
        default_factory=list,
        description="People.",
        examples=[[{"id": "alice@example.com", "active": True, "groups": ["support-agents"]}]],
    )
    groups: list[GroupWritten] = Field(
        default_factory=list,
        description="Groups and what their members may do.",
        examples=[[{"name": "support-agents", "entitlements": [{"app": "tickets", "access": ["read"]}]}]],
    )
