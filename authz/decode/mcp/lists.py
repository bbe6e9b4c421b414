"""Lists that the authorizer answers itself, from the definitions a person has read.

What an app says of its tools at this moment never reaches the agent: a description is a prompt.
"""

import functools
from collections.abc import Sequence

import orjson

from authz.core.app import Tool
from authz.decode.exchange import Exchange
from authz.decode.mcp.methods import LISTS


def listed(exchange: Exchange, tools: Sequence[Tool]) -> bool:
    """Whether the method is a list, and every one of `tools` can be shown."""
    return exchange.method in LISTS and exchange.has_id and all(one.definition is not None for one in tools)


def list_result(exchange: Exchange, tools: Sequence[Tool]) -> bytes:
    """The JSON-RPC response that lists `tools`; one without a pinned definition is left out."""
    shown = [_shown(one.definition, one.app if exchange.virtual else "") for one in tools if one.definition]
    member = LISTS.get(exchange.method, "tools")
    # The answer differs by agent: nobody between may keep it (2026-07-28, caching).
    rest = b',"resultType":"complete","ttlMs":0,"cacheScope":"private"' if exchange.stateless else b""
    head = b'{"jsonrpc":"2.0","id":' + orjson.dumps(exchange.id) + b',"result":{"' + member.encode()
    return head + b'":[' + b",".join(shown) + b"]" + rest + b"}}"


@functools.lru_cache(maxsize=4096)
def _shown(definition: bytes, app: str) -> bytes:
    """A definition on one line, its name with the app before it on the virtual endpoint."""
    shown = orjson.loads(definition)
    if app:
        shown["name"] = f"{app}__{shown['name']}"
    return orjson.dumps(shown)
