"""`kind: Lists` and `kind: Labels`: values and sensitivities kept by those who own them."""

from typing import Literal

from pydantic import Field

from authz.compiler.written.base import AppName, DataClass, Header, Level, LooseMetadata, Scalar


class ListsDocument(Header):
    """Named values that `where:` refers to with `in_list:`."""

    kind: Literal["Lists"] = Field(description="What the document defines.", examples=["Lists"])
    metadata: LooseMetadata = Field(
        default_factory=lambda: LooseMetadata.model_validate({}),
        description="Who keeps the lists.",
        examples=[{"name": "finance-lists", "owner": "finance@example.com"}],
    )
    lists: dict[AppName, list[Scalar]] = Field(
        description="Values by the name of the list.",
        examples=[{"payees": ["ACME GmbH", "Widget Ltd"], "customer-domains": ["example.com"]}],
    )


class LabelsDocument(Header):
    """How sensitive data classes are."""

    kind: Literal["Labels"] = Field(description="What the document defines.", examples=["Labels"])
    metadata: LooseMetadata = Field(
        default_factory=lambda: LooseMetadata.model_validate({}),
        description="Who keeps the labels.",
        examples=[{"owner": "privacy@example.com"}],
    )
    classes: dict[DataClass, Level] = Field(
        description="Sensitivity by class; a class covers those below it unless they say otherwise.",
        examples=[{"pii": "confidential", "pii.contact": "internal"}],
    )
