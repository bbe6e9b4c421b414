"""The virtual MCP endpoint in Envoy: one path, and behind it the app that the authorizer named.

The authorizer wrote the message anew; the filter puts it in place of what the client sent, and has the route
chosen again by a header of ours. All routes of the endpoint are judged alike, so choosing again changes
nothing about the judgement; and a client's header of that name is taken away before any routing.
"""

from collections.abc import Sequence

from authz.render.choices import Choices
from authz.render.upstream import TYPE, Tree, Upstream

CHOSEN = "x-persona-app"
SOURCE = """
function envoy_on_request(handle)
  -- Waits for the body: objects that were fetched before it would be stale.
  local body = handle:body()
  local metadata = handle:streamInfo():dynamicMetadata()
  local decided = metadata:get("envoy.filters.http.ext_authz")
  local rewrite = decided and decided["rewrite"]
  if body == nil or type(rewrite) ~= "table" or rewrite["app"] == nil or rewrite["body"] == nil then
    return
  end
  local headers = handle:headers()
  local length = body:setBytes(rewrite["body"])
  for name, value in pairs(rewrite["headers"] or {}) do
    headers:replace(name, value)
  end
  headers:remove("mcp-session-id")
  headers:remove("transfer-encoding")
  headers:replace("content-length", tostring(length))
  headers:replace("x-persona-app", rewrite["app"])
  -- Arguments have no business in the access log, which reports this metadata.
  metadata:set("envoy.filters.http.ext_authz", "rewrite", "done")
  handle:clearRouteCache()
end
"""
# A client's header of this name is gone before any route is chosen.
FORGOTTEN: Tree = {
    "name": "envoy.http.early_header_mutation.header_mutation",
    "typed_config": {
        "@type": TYPE + "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
        "mutations": [{"remove": CHOSEN}],
    },
}
FILTER: Tree = {
    "name": "envoy.filters.http.lua",
    "typed_config": {
        "@type": TYPE + "envoy.extensions.filters.http.lua.v3.Lua",
        "source_codes": {"virtual": {"inline_string": SOURCE}},
    },
}


def virtual_routes(upstreams: Sequence[Upstream], choices: Choices) -> list[Tree]:
    """The routes of the endpoint: one for each MCP app, and one for what belongs to none."""
    settings: Tree = {
        "envoy.filters.http.ext_authz": {
            "@type": TYPE + "envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute",
            "check_settings": {
                "context_extensions": {
                    "endpoint": "virtual",
                    "max_request_bytes": str(choices.max_request_bytes),
                }
            },
        },
        "envoy.filters.http.lua": {
            "@type": TYPE + "envoy.extensions.filters.http.lua.v3.LuaPerRoute",
            "name": "virtual",
        },
    }
    routes: list[Tree] = [
        {
            "name": f"virtual-{one.app.name}",
            "match": {
                "path": choices.virtual_path,
                "headers": [{"name": CHOSEN, "string_match": {"exact": one.app.name}}],
            },
            "route": {
                "cluster": one.app.name,
                "prefix_rewrite": one.path,
                "timeout": f"{choices.stream_seconds}s",
            },
            "request_headers_to_remove": [CHOSEN],
            "typed_per_filter_config": settings,
        }
        for one in upstreams
        if one.app.protocol == "mcp"
    ]
    if not routes:
        return []
    # Lists and greetings are answered by the authorizer; what passes it and has no app goes nowhere.
    fallback: Tree = {
        "name": "virtual",
        "match": {"path": choices.virtual_path},
        "direct_response": {"status": 404},
        "typed_per_filter_config": settings,
    }
    return [*routes, fallback]
