"""A gRPC request as one action: the path names the method, its message holds the arguments."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from authz.core.app import App, Tool
from authz.core.call import Action
from authz.core.decision import Refusal
from authz.core.reason import Reason
from authz.core.request import Request
from authz.decode.envelope import body_shown, content_type_of
from authz.decode.exchange import GRPC, Decoded, Exchange, Route
from authz.decode.rpc.messages import Methods
from authz.decode.strictjson import target_of

_PATH = re.compile(r"/[A-Za-z_][A-Za-z0-9_.]*/[A-Za-z_][A-Za-z0-9_]*")
_TYPES = frozenset({"", "application/grpc", "application/grpc+proto"})


@dataclass(frozen=True, slots=True)
class Service:
    """One gRPC app as calls find it."""

    tools: Mapping[str, Tool]
    """By full method."""
    methods: Methods

    @staticmethod
    def of(app: App) -> "Service":
        """Prepare `app`."""
        tools = {tool.match.method: tool for tool in app.tools.values() if tool.match is not None}
        return Service(tools, Methods(app.descriptors))


def decode_grpc(request: Request, route: Route, service: Service | None, notes: tuple[str, ...]) -> Decoded:
    """What the request asks of the app.

    Raises:
        Refusal: When nobody can say for sure.
    """
    if request.method != "POST":
        raise Refusal(Reason.REQUEST_UNSUPPORTED, "gRPC without POST")
    if content_type_of(request.headers) not in _TYPES:
        raise Refusal(Reason.REQUEST_UNSUPPORTED, "a content type that is no gRPC of protobuf")
    if request.headers.get("grpc-encoding", "identity") != "identity":
        raise Refusal(Reason.REQUEST_UNSUPPORTED, "compressed gRPC messages")
    path = request.path
    if not _PATH.fullmatch(path):
        raise Refusal(Reason.REQUEST_AMBIGUOUS, "a path that is no gRPC method")
    tool = service.tools.get(path) if service is not None else None
    shown = bool(request.body) and body_shown(request)
    args = service.methods.arguments(path, request.body) if shown and service is not None else {}
    action = Action(
        protocol=GRPC,
        app=route.app,
        name=tool.name if tool is not None else path,
        method=path[1:],
        tool=tool,
        args=args,
        target=target_of(args, tool.target.split(".")) if tool is not None and tool.target else None,
    )
    return Decoded(action=action, exchange=Exchange(protocol=GRPC, method=path), notes=notes)
