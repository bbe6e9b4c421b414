"""Headers that repeat the body."""

import orjson
import pytest
from mcp.shared.inbound import encode_header_value, x_mcp_header_map

from authz.core.call import Json
from authz.core.decision import Refusal
from authz.decode.mcp.agreement import (
    META_VERSION,
    Mirror,
    mirrors,
    refuse_disagreement,
    refuse_unlike_arguments,
    spoken_version,
)
from authz.decode.mcp.methods import METHODS
from tests.decode.requests import tool

SCHEMA: dict[str, Json] = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "where": {"type": "object", "properties": {"count": {"type": "integer", "x-mcp-header": "Count"}}},
    },
}
PROMPT = METHODS["prompts/get"]
MIRRORS = (Mirror("mcp-param-count", ("where", "count")), Mirror("mcp-param-region", ("region",)))


@pytest.mark.parametrize(
    ("header", "body", "spoken"),
    [
        (None, None, ("2025-03-26", False)),
        ("2025-06-18", None, ("2025-06-18", False)),
        ("2026-07-28", "2026-07-28", ("2026-07-28", True)),
        ("2026-07-28", None, -32602),
        ("2025-06-18", "2026-07-28", -32020),
        (None, "2026-07-28", -32020),
        ("1999-01-01", "1999-01-01", -32022),
    ],
)
def test_the_era_is_that_on_which_header_and_body_agree(
    header: str | None, body: str | None, spoken: tuple[str, bool] | int
) -> None:
    """Two eras have two sets of rules."""
    headers = {} if header is None else {"mcp-protocol-version": header}
    meta: Json = {} if body is None else {META_VERSION: body}

    if isinstance(spoken, int):
        with pytest.raises(Refusal) as refusal:
            spoken_version(headers, meta)
        assert refusal.value.status == spoken
    else:
        assert spoken_version(headers, meta) == spoken


def test_a_version_in_the_body_that_is_no_text_is_a_disagreement() -> None:
    """It can be equal to no header."""
    with pytest.raises(Refusal):
        spoken_version({"mcp-protocol-version": "2026-07-28"}, {META_VERSION: 1})


@pytest.mark.parametrize("name", ["search", "größe", " x", "=?base64?eA==?=", "a\tb"])
def test_a_name_is_compared_as_the_official_client_wraps_it(name: str) -> None:
    """Names that a header cannot hold are wrapped."""
    headers = {"mcp-method": "prompts/get", "mcp-name": encode_header_value(name)}

    refuse_disagreement(headers, "prompts/get", PROMPT, {"name": name}, stateless=True)
    with pytest.raises(Refusal):
        refuse_disagreement(
            headers, "prompts/get", METHODS["prompts/get"], {"name": f"{name}!"}, stateless=True
        )


@pytest.mark.parametrize(
    "name", ["=?base64?c2VhcmNo=?=", "=?base64?/w==?=", "=?base64?c2VhcmNp?=", "=?BASE64?c2VhcmNo?="]
)
def test_a_damaged_wrapping_matches_nothing(name: str) -> None:
    """Not even a name that looks like it."""
    headers = {"mcp-method": "tools/call", "mcp-name": name}
    with pytest.raises(Refusal):
        refuse_disagreement(headers, "tools/call", METHODS["tools/call"], {"name": "search"}, stateless=True)


def test_a_name_header_where_nothing_is_named_is_refused() -> None:
    """A router may go by it."""
    with pytest.raises(Refusal):
        refuse_disagreement({"mcp-name": "x"}, "ping", METHODS["ping"], {}, stateless=False)


def test_mirrored_arguments_are_found_where_the_official_sdk_finds_them() -> None:
    """Both ends must agree on which arguments are repeated."""
    pinned = tool("crm", "search", definition=orjson.dumps({"name": "search", "inputSchema": SCHEMA}))

    assert mirrors(pinned) == MIRRORS
    theirs = {f"mcp-param-{token.lower()}": path for path, token in x_mcp_header_map(SCHEMA).items()}
    assert theirs == {one.header: one.path for one in MIRRORS}
    assert mirrors(tool("crm", "search")) == ()


@pytest.mark.parametrize(
    ("headers", "agrees"),
    [
        ({"mcp-param-region": "eu", "mcp-param-count": "3"}, True),
        ({"mcp-param-region": "eu", "mcp-param-count": "3.0"}, True),
        ({"mcp-param-region": "=?base64?ZXU=?=", "mcp-param-count": "3"}, True),
        ({"mcp-param-region": "eu"}, False),
        ({"mcp-param-region": "EU", "mcp-param-count": "3"}, False),
        ({"mcp-param-region": "eu", "mcp-param-count": "4"}, False),
    ],
)
def test_mirrored_arguments_must_agree(headers: dict[str, str], *, agrees: bool) -> None:
    """A router believes the header, the server the body."""
    args: dict[str, Json] = {"region": "eu", "where": {"count": 3}}
    if agrees:
        refuse_unlike_arguments(headers, MIRRORS, args)
    else:
        with pytest.raises(Refusal):
            refuse_unlike_arguments(headers, MIRRORS, args)


def test_a_mirror_of_an_argument_that_is_absent_must_be_absent() -> None:
    """It would be another argument."""
    refuse_unlike_arguments({}, MIRRORS, {})
    with pytest.raises(Refusal):
        refuse_unlike_arguments({"mcp-param-region": "eu"}, MIRRORS, {})
