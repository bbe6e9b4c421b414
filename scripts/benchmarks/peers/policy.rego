# The policy that peers enforce: key look-up, agent, allowlist of 100 tools, one rule about an argument.
package envoy.authz

import rego.v1

default allow := false

http := input.attributes.request.http

caller := data.keys[crypto.sha256(substring(http.headers.authorization, 7, -1))]

allow if {
	http.method == "POST"
	caller.agent in data.agents
	input.parsed_body.method == "tools/call"
	data.tools[input.parsed_body.params.name]
	count(input.parsed_body.params.arguments.ticket) < 100
}
