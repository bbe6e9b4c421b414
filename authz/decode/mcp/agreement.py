"""Which version of MCP is spoken, and whether the headers say what the body says.

Routers and firewalls decide on the headers, servers on the body: where they differ, one of them is deceived.
The body is what is judged; a header is only ever compared.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import orjson

from authz.core.app import Tool
from authz.core.call import Json
from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.decode.mcp.methods import OLDEST_ASSUMED, SESSION_VERSIONS, STATELESS_VERSIONS, Method
from authz.decode.strictjson import as_text, at_path

HEADER_MISMATCH = -32020
UNSUPPORTED_VERSION = -32022
INVALID_PARAMS = -32602
META_VERSION = "io.modelcontextprotocol/protocolVersion"

_SENTINEL = re.compile(r"=\?base64\?(.*)\?=")
_WHOLE = re.compile(r"-?[0-9]+(?:\.0+)?")


def spoken_version(headers: Mapping[str, str], meta: Json) -> tuple[str, bool]:
    """The protocol version, and whether it is of the stateless era.

    Raises:
        Refusal: When header and body disagree (-32020), nobody knows the version (-32022), or a stateless
            request does not say it in the body (-32602).
    """
    in_header = headers.get("mcp-protocol-version")
    in_body = meta.get(META_VERSION) if isinstance(meta, dict) else None
    if in_body is not None and in_body != in_header:
        raise mismatch("`mcp-protocol-version` is not the version of the body")
    if in_header is None:
        return OLDEST_ASSUMED, False
    if in_header in SESSION_VERSIONS:
        return in_header, False
    if in_header not in STATELESS_VERSIONS:
        raise Refusal(
            Reason.REQUEST_UNSUPPORTED, "a version of MCP that is not known", status=UNSUPPORTED_VERSION
        )
    if in_body is None:
        raise Refusal(
            Reason.REQUEST_MALFORMED, "no protocol version in `params._meta`", status=INVALID_PARAMS
        )
    return in_header, True


def refuse_disagreement(
    headers: Mapping[str, str],
    method: str,
    known: Method | None,
    params: Mapping[str, Json],
    *,
    stateless: bool,
) -> None:
    """`Mcp-Method` and `Mcp-Name` repeat the body; in the stateless era they may not be left out.

    Raises:
        Refusal: With -32020.
    """
    said = headers.get("mcp-method")
    if said != method and (said is not None or (stateless and not (known and known.notification))):
        raise mismatch("`mcp-method` is not the method of the body")
    member = known.mirrored if known is not None else ""
    name = headers.get("mcp-name")
    if name is None and not (stateless and member and member != "taskId"):
        return
    if not member or name is None or _plain(name) != params.get(member):
        raise mismatch("`mcp-name` is not the name in the body")


@dataclass(frozen=True, slots=True)
class Mirror:
    """An argument that a header repeats (`x-mcp-header` in the tool's schema)."""

    header: str
    path: tuple[str, ...]


def mirrors(tool: Tool) -> tuple[Mirror, ...]:
    """What the pinned definition wants repeated in headers; nothing when nothing is pinned."""
    if tool.definition is None:
        return ()
    definition = orjson.loads(tool.definition)
    schema = definition.get("inputSchema") if isinstance(definition, dict) else None
    found: list[Mirror] = []
    waiting: list[tuple[tuple[str, ...], Json]] = [((), schema)]
    while waiting:
        path, node = waiting.pop()
        properties = node.get("properties") if isinstance(node, dict) else None
        for name, inner in properties.items() if isinstance(properties, dict) else ():
            token = inner.get("x-mcp-header") if isinstance(inner, dict) else None
            if isinstance(token, str):
                found.append(Mirror(f"mcp-param-{token.lower()}", (*path, name)))
            waiting.append(((*path, name), inner))
    return tuple(sorted(found, key=lambda one: one.header))


def refuse_unlike_arguments(
    headers: Mapping[str, str], mirrored: Sequence[Mirror], args: Mapping[str, Json]
) -> None:
    """`Mcp-Param-*` repeats the arguments that the pinned schema names, and is absent where they are.

    Raises:
        Refusal: With -32020.
    """
    for one in mirrored:
        value = as_text(at_path(dict(args), one.path))
        said = headers.get(one.header)
        if said is None and value is None:
            continue
        if said is None or value is None or not _same(_plain(said), value):
            raise mismatch(f"`{one.header}` is not the argument in the body")


def _same(said: str | None, value: str) -> bool:
    if said == value:
        return True
    # `42` and `42.0` are one integer (streamable HTTP, custom headers).
    if said is None or not _WHOLE.fullmatch(said) or not _WHOLE.fullmatch(value):
        return False
    return said.partition(".")[0] == value.partition(".")[0]


def _plain(value: str) -> str | None:
    """A header value without its base64 wrapping; None when the wrapping is damaged."""
    wrapped = _SENTINEL.fullmatch(value)
    if wrapped is None:
        return value
    try:
        inner = base64.b64decode(wrapped[1], validate=True)
        plain = inner.decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    return plain if base64.b64encode(inner).decode() == wrapped[1] else None


def mismatch(detail: str) -> Refusal:
    """Header and body say different things."""
    return Refusal(Reason.REQUEST_AMBIGUOUS, detail, status=HEADER_MISMATCH)
