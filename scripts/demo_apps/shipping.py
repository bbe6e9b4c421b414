"""The demo's shipping service: gRPC on grpcio. Knows nothing of personas."""

import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import grpc
from typing_extensions import override

from scripts.demo_apps import shipping_pb2 as pb
from scripts.demo_apps import shipping_pb2_grpc as stubs
from scripts.demo_apps.state import State, arguments

SEED = {
    "shipments": {
        "S-1": {"ticket": "T-1001", "carrier": "Nordpost", "status": "in transit, Malmö"},
        "S-2": {"ticket": "T-1003", "carrier": "Nordpost", "status": "delivered"},
    }
}


class Shipping(stubs.ShippingServicer):
    """The service over this state."""

    def __init__(self, state: State) -> None:
        self.state = state

    @override
    def GetShipment(self, request: pb.GetShipmentRequest, context: grpc.ServicerContext) -> pb.Shipment:
        """Read one shipment."""
        self._begin("GetShipment", request.shipment_id, context)
        return pb.Shipment(
            shipment_id=request.shipment_id, **self.state.data["shipments"][request.shipment_id]
        )

    @override
    def CancelShipment(
        self, request: pb.CancelShipmentRequest, context: grpc.ServicerContext
    ) -> pb.CancelShipmentResponse:
        """Forget one shipment."""
        self._begin("CancelShipment", request.shipment_id, context)
        del self.state.data["shipments"][request.shipment_id]
        self.state.save()
        return pb.CancelShipmentResponse(shipment_id=request.shipment_id)

    def _begin(self, method: str, shipment: str, context: grpc.ServicerContext) -> None:
        self.state.saw(method, {name: str(value) for name, value in context.invocation_metadata()})
        if shipment not in self.state.data["shipments"]:
            context.abort(grpc.StatusCode.NOT_FOUND, f"no shipment `{shipment}`")


def main() -> None:
    """Serve until stopped."""
    settings = arguments("shipping", 8204)
    server = grpc.server(ThreadPoolExecutor(max_workers=1), options=[("grpc.so_reuseport", 0)])
    register: Callable[[Shipping, grpc.Server], None] = stubs.add_ShippingServicer_to_server
    register(Shipping(State(settings.state, SEED)), server)
    try:
        server.add_insecure_port(f"{settings.host}:{settings.port}")
    except RuntimeError:
        sys.exit(f"shipping: port {settings.port} is in use; choose another with --port")

    def stop(*_: object) -> NoReturn:
        server.stop(grace=0)
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
