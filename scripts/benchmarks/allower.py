"""An always-allow ext_authz server on either transport: the floor that a decision is compared with."""

import asyncio
import sys
from collections.abc import Sequence

import uvloop

from authz.core.decision import Effect
from authz.server.pb.ext_authz_pb2 import CheckRequest
from authz.server.transport import Answer, Metadata
from authz.server.transport_grpc import GrpcServer
from authz.server.transport_http2 import serve
from authz.server.wire import Forward, check_response

CHECK = "/envoy.service.auth.v3.Authorization/Check"
ALLOWED = check_response(Effect.ALLOWED, Forward(), "none")


def allow(calls: Sequence[tuple[Metadata, bytes]]) -> Sequence[Answer]:
    """Parse each request, and let it pass."""
    for _, message in calls:
        CheckRequest().ParseFromString(message)
    return [ALLOWED] * len(calls)


async def main() -> None:
    """Serve until killed."""
    transport, port = sys.argv[1], int(sys.argv[2])
    if transport == "grpc":
        grpcio = GrpcServer({CHECK: allow})
        await grpcio.start(f"127.0.0.1:{port}")
        await asyncio.Event().wait()
    else:
        await serve(("127.0.0.1", port), {CHECK: allow})
        await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
