"""`grpc.health.v1`: whether this worker decides, for Envoy, Kubernetes and `grpc_health_probe`."""

from collections.abc import Sequence

from google.protobuf.message import DecodeError
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from authz.server.transport import Answer, Metadata

SERVICES = frozenset({"", "envoy.service.auth.v3.Authorization"})


class Health:
    """The state of this worker: serving until it drains, or as long as it can record."""

    def __init__(self) -> None:
        self.problem = ""
        """Why decisions are refused at present; empty while all is well."""
        self.draining = False

    @property
    def serving(self) -> bool:
        """Whether calls should be sent here."""
        return not self.draining and not self.problem

    def check(self, calls: Sequence[tuple[Metadata, bytes]]) -> Sequence[Answer]:
        """Handler of `/grpc.health.v1.Health/Check`."""
        return [self._one(message) for _, message in calls]

    def _one(self, message: bytes) -> bytes:
        request = HealthCheckRequest()
        try:
            request.ParseFromString(message)
        except DecodeError:
            return _spoken(HealthCheckResponse.UNKNOWN)
        if request.service not in SERVICES:
            status = HealthCheckResponse.SERVICE_UNKNOWN
        else:
            status = HealthCheckResponse.SERVING if self.serving else HealthCheckResponse.NOT_SERVING
        return _spoken(status)


def _spoken(status: int) -> bytes:
    return bytes(HealthCheckResponse(status=status).SerializeToString())
