"""JSON Schema of the language, for editors: made from the models that read it, so it cannot say otherwise."""

from collections.abc import Mapping

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from authz.compiler.written import CASES, KINDS, CasesDocument, Header

TITLE = "Agent Personas definitions"
MODELS: Mapping[str, type[Header]] = {**KINDS, CASES: CasesDocument}
"""All documents, those of `*.cases.yaml` included."""


def json_schema() -> dict[str, object]:
    """One schema for all kinds: `kind` tells which rules hold, so that an editor says what is wrong there."""
    _, definitions = models_json_schema(
        [(model, "validation") for model in MODELS.values()],
        by_alias=True,
        ref_template="#/$defs/{model}",
        schema_generator=GenerateJsonSchema,
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {"kind": {"enum": list(MODELS)}},
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]},
                "then": {"$ref": f"#/$defs/{model.__name__}"},
            }
            for kind, model in MODELS.items()
        ],
        **definitions,
    }
