"""Where things are called what in a cluster. Values only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names that a cluster has given already."""

    namespace: str = "personas"
    """Where the authorizer runs."""
    service: str = "personas-authorizer"
    check_port: int = 9191
    stream_port: int = 9192
    """Where access logs are streamed to (`access_log:` in the authorizer's settings)."""
    gateway: str = "agents"
    """Name of the Gateway through which agents come."""
    gateway_namespace: str = "agents"
    gateway_account: str = "agents-istio"
    """Service account of that Gateway: only it may ask the authorizer."""
    provider: str = "personas"

    @property
    def host(self) -> str:
        """The authorizer's name in the cluster."""
        return f"{self.service}.{self.namespace}.svc.cluster.local"

    def cluster(self, port: int) -> str:
        """What Istio calls an Envoy cluster of the authorizer."""
        return f"outbound|{port}||{self.host}"
