"""Apps: tools, what recognises them on the wire, labels, and what lies beside the definitions."""

import orjson
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from authz.core.app import Access, App, Match
from tests.compiler.world import compiled, errors, warnings

HEAD = "apiVersion: personas/v1\nkind: App\nmetadata: {name: x}\n"


def app(rest: str, pinned: dict[str, bytes] | None = None) -> App:
    """The app `x`."""
    return compiled(HEAD + rest, pinned).definitions.apps["x"]


def matched(protocol: str, match: str) -> str:
    """One tool, recognised so."""
    return f"protocol: {protocol}\ntools:\n  - {{name: a, access: read, match: {match}}}\n"


def test_an_app_is_compiled_whole() -> None:
    """What the other rooms stand on."""
    made = app(
        "protocol: rest\n"
        "upstream: {url: 'http://127.0.0.1:1', hosts: [Billing.Internal, 'b:8443'], authorization: inject}\n"
        "assertion: per-call\n"
        "tools:\n"
        "  - {name: get, match: {method: GET, path: '/v1/{id}'}, access: read, data: [a.b],\n"
        "     target: args.to.id, recorded: [args.id, n]}\n"
    )

    assert (made.protocol, made.url) == ("rest", "http://127.0.0.1:1")
    assert made.hosts == {"billing.internal", "b"}
    assert (made.authorization, made.assertion) == ("inject", "per-call")
    tool = made.tools["get"]
    assert (tool.access, sorted(tool.classes), tool.target) == (Access.READ, ["a.b"], "to.id")
    assert tool.match == Match(method="GET", path="/v1/{id}")
    assert tool.recorded == {"id", "n"}
    assert str(tool.place) == "defs.yaml:8"


def test_an_mcp_app_has_resources_prompts_and_what_the_server_may_ask() -> None:
    """Each with its access and data; reading is the default of what is only read."""
    made = app(
        "protocol: mcp\n"
        'resources: [{match: "file:///r/*", data: [internal]}, {match: "x:*", access: write, review: true}]\n'
        "prompts: [{name: triage}]\nclient_requests: [roots]\n"
    )

    assert [(one.name, one.access, one.review) for one in made.resources] == [
        ("file:///r/*", Access.READ, False),
        ("x:*", Access.WRITE, True),
    ]
    assert made.prompts["triage"].access is Access.READ
    assert made.client_requests == {"roots"}


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ("protocol: a2a\n", "`a2a` is none of mcp, rest, grpc"),
        (matched("mcp", "{method: GET}"), "`match` is not for MCP"),
        ("protocol: rest\ntools: [{name: a, access: read}]\n", "tool `a` needs `match`"),
        (
            matched("rest", "{method: get, path: /}"),
            "did you mean `GET`?",
        ),
        (matched("rest", "{method: GET}"), "`path` is missing"),
        (
            matched("rest", "{method: GET, path: v1}"),
            "no route template",
        ),
        (
            matched("rest", "{method: GET, path: '/a?b'}"),
            "no route",
        ),
        (
            matched("rest", "{method: GET, path: '/../a'}"),
            "no route",
        ),
        (
            matched("rest", "{method: GET, path: '/{i}/{i}'}"),
            "no route",
        ),
        (matched("grpc", "{method: GetA}"), "is no gRPC method"),
        (
            matched("rest", "{method: GET, path: '/{a}'}")
            + "  - {name: b, access: read, match: {method: GET, path: '/{b}'}}\n",
            "`GET /{b}` is recognised as tool `a` already",
        ),
        (
            "protocol: mcp\ntools: [{name: a, access: read}, {name: a, access: write}]\n",
            "tool `a` is there already",
        ),
        ("protocol: mcp\ntools: [{name: a b, access: read}]\n", "`a b` is no name of a tool"),
        ("protocol: mcp\ntools: [{name: a, access: read, target: a..b}]\n", "`a..b` names no argument"),
        (
            "protocol: mcp\ntools: [{name: a, access: read, labels: {a.: {x: [b]}}}]\n",
            "`a.` names no argument",
        ),
        ("protocol: mcp\nprompts: [{name: a}, {name: a}]\n", "prompt `a` is there already"),
        ("protocol: rest\nprompts: [{name: a}]\n", "`prompts` is for MCP only"),
        ("protocol: rest\nupstream: {hosts: ['a/b']}\n", "`a/b` is no host name"),
        ("protocol: rest\nupstream: {descriptors: a.pb}\n", "`descriptors` is for gRPC only"),
        ("protocol: grpc\nupstream: {descriptors: a.pb}\n", "no file `a.pb` beside the definitions"),
    ],
)
def test_an_app_that_cannot_be_meant_is_an_error(rest: str, problem: str) -> None:
    """A tool that is not recognised is a hole or a wall; both are found at load."""
    assert any(problem in one for one in errors(HEAD + rest)), errors(HEAD + rest)


@pytest.mark.parametrize(
    ("path", "good"),
    [
        ("/", True),
        ("/v1/accounts/{account}/balance", True),
        ("/v1/accounts/{account-id}.json", True),
        ("/v1/{owner}...{head}", True),
        ("/v1/operations/{name}:cancel", True),
        ("/v1/{a}{b}", False),
        ("/v1/{path=**}", False),
        ("/v1/{", False),
        ("/v1/{}", False),
        ("/v1//x", False),
        ("/v1/", False),
        ("/v1/./x", False),
        ("/v1/%2e", False),
        ("/v1/a b", False),
        ("/v1/a;b", False),
    ],
)
def test_a_route_template_is_one_that_finds_its_tool(path: str, *, good: bool) -> None:
    """What no request could match would deny for ever, and what matches more than meant is a hole."""
    found = errors(HEAD + matched("rest", f"{{method: GET, path: '{path}'}}"))

    assert (found == []) is good, found


def test_pinned_definitions_are_kept_as_they_are() -> None:
    """What an agent is shown is what a person looked at."""
    tools = [{"name": "a", "inputSchema": {"type": "object"}}, {"name": "unnamed-in-the-app"}]
    rest = "protocol: mcp\ntools: [{name: a, access: read}]\n"

    for pinned in (tools, {"tools": tools}, {"result": {"tools": tools}}):
        made = app(rest, {"x": orjson.dumps(pinned)})
        assert made.tools["a"].definition == orjson.dumps(tools[0])
        assert set(made.tools) == {"a"}


def test_a_tool_that_is_not_pinned_is_a_warning() -> None:
    """It is enforced all the same; and it can't be shown in a list."""
    text = HEAD + "protocol: mcp\ntools: [{name: a, access: read}]\n"

    assert [one.message for one in compiled(text, {"x": b'[{"name": "b"}]'}).warnings] == [
        "tool `a` is not in the pinned definitions"
    ]
    assert warnings(text) == []


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"{", "is not JSON"),
        (b"{}", "has no list `tools`"),
        (b"[1]", "has one of `tools` without `name`"),
        (b'[{"name": "a"}, {"name": "a"}]', "has `a` twice"),
    ],
)
def test_pinned_definitions_that_cannot_be_read_are_errors(data: bytes, problem: str) -> None:
    """Without them nobody can tell whether a server changed its tools."""
    [found] = errors(f"{HEAD}protocol: mcp\n", {"x": data})

    assert "`x.tools.json`" in found
    assert problem in found


def test_descriptors_are_handed_on_and_methods_looked_up() -> None:
    """A method that the service does not have is a typing error."""
    file = FileDescriptorProto(name="s.proto", package="shipping.v1")
    file.service.add(name="Shipping").method.add(name="GetShipment")
    data = FileDescriptorSet(file=[file]).SerializeToString()
    rest = (
        "protocol: grpc\nupstream: {{descriptors: s.binpb}}\n"
        "tools: [{{name: a, access: read, match: {{method: /shipping.v1.Shipping/{}}}}}]\n"
    )

    assert app(rest.format("GetShipment"), {"s.binpb": data}).descriptors == data
    [found] = errors(HEAD + rest.format("GetShipmnt"), {"s.binpb": data})
    assert "did you mean `/shipping.v1.Shipping/GetShipment`?" in found
    [found] = errors(HEAD + rest.format("GetShipment"), {"s.binpb": b"\xff\xff"})
    assert "`s.binpb` is no FileDescriptorSet" in found
