"""The virtual endpoint: one address and many apps, where each name carries its app.

What belongs to no app is answered here. What belongs to one is written anew: the app gets the very message
that was judged, never a piece of text put into another, and always in the words of the stateless era, because
there is no session of an app behind an endpoint that stands for many.
"""

import base64
from collections.abc import Mapping

import orjson

from authz.core.call import Action, Json
from authz.decode.exchange import Exchange, Rewrite
from authz.decode.mcp.agreement import META_VERSION, Mirror
from authz.decode.mcp.methods import SESSION_VERSIONS, STATELESS_VERSIONS, SUPPORTED
from authz.decode.strictjson import as_text, at_path

META_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
META_SERVER = "io.modelcontextprotocol/serverInfo"
FORWARDED = frozenset({"tools/call", "prompts/get", "completion/complete"})
"""Methods that belong to the app that their name carries."""

_SERVER: dict[str, Json] = {"name": "agent-personas", "version": "1"}
_CAPABILITIES: dict[str, Json] = {"tools": {}, "prompts": {}}
_NEWEST_SESSION = max(SESSION_VERSIONS)
_STATELESS = max(STATELESS_VERSIONS)


def rewritten(action: Action, body: Mapping[str, Json], mirrored: tuple[Mirror, ...] = ()) -> Rewrite | None:
    """The message for the one app that `action` is about; None when it names none."""
    params = body.get("params")
    if action.app is None or action.method not in FORWARDED or not isinstance(params, dict):
        return None
    changed = dict(params)
    reference = params.get("ref")
    if action.method == "completion/complete" and isinstance(reference, dict):
        changed["ref"] = {**reference, "name": action.name}
    else:
        changed["name"] = action.name
    meta = params.get("_meta")
    changed["_meta"] = {
        META_CAPABILITIES: {},
        **(meta if isinstance(meta, dict) else {}),
        META_VERSION: _STATELESS,
    }
    headers = [("mcp-protocol-version", _STATELESS), ("mcp-method", action.method)]
    if "name" in changed:
        headers.append(("mcp-name", action.name))
    for one in mirrored:
        value = as_text(at_path(dict(action.args), one.path))
        if value is not None:
            headers.append((one.header, _header_value(value)))
    return Rewrite(app=action.app, body=orjson.dumps({**body, "params": changed}), headers=tuple(headers))


def _header_value(value: str) -> str:
    """Wrapped where a header could not hold it (2026-07-28, custom headers)."""
    if value.isascii() and value.isprintable() and value == value.strip() and not value.startswith("=?"):
        return value
    return f"=?base64?{base64.b64encode(value.encode()).decode()}?="


def greeted_version(params: Mapping[str, Json]) -> str:
    """The version that a session begins with: the client's, if it is known."""
    asked = params.get("protocolVersion")
    return asked if isinstance(asked, str) and asked in SESSION_VERSIONS else _NEWEST_SESSION


def own_result(exchange: Exchange) -> dict[str, object] | None:
    """The result of a method that belongs to no app; None when this endpoint has no such method."""
    result: dict[str, object] | None
    match exchange.method:
        case "initialize":
            result = {
                "protocolVersion": exchange.version,
                "capabilities": _CAPABILITIES,
                "serverInfo": _SERVER,
            }
        case "server/discover":
            result = {
                "supportedVersions": SUPPORTED,
                "capabilities": _CAPABILITIES,
                "ttlMs": 0,
                "cacheScope": "private",
            }
        case "ping" | "logging/setLevel":
            result = {}
        case "resources/list":
            result = {"resources": []}
        case "resources/templates/list":
            result = {"resourceTemplates": []}
        case _:
            result = None
    if result is None or not exchange.stateless:
        return result
    listing = exchange.method.startswith("resources/")
    cache: dict[str, object] = {"ttlMs": 0, "cacheScope": "private"} if listing else {}
    return {**result, **cache, "resultType": "complete", "_meta": {META_SERVER: _SERVER}}
