"""What the exporter is told in a file: its sinks, what it keeps, where it shows its metrics."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from authz.export.forms import Form


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Sink(_Closed):
    name: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,64}$")
    """Stable: the place in the trail is kept under it. Empty means the type's name."""
    timeout: float = Field(default=10.0, gt=0, le=300)


class Secret(_Closed):
    """A secret that is kept in a file, not in the settings."""

    file: Path


SecretText = SecretStr | Secret


class Otlp(_Sink):
    """OTLP over gRPC: a collector, Jaeger, the Datadog agent."""

    type: Literal["otlp"]
    endpoint: str
    headers: dict[str, str] = Field(default_factory=dict)


class OtlpOverHttp(_Sink):
    """OTLP over HTTP."""

    type: Literal["otlp-http"]
    url: str
    headers: dict[str, str] = Field(default_factory=dict)


class LangfuseSink(_Sink):
    """Langfuse."""

    type: Literal["langfuse"]
    url: str = "https://cloud.langfuse.com/api/public/otel"
    public_key: str
    secret_key: SecretText


class DatadogTraces(_Sink):
    """Datadog's intake of traces without an agent."""

    type: Literal["datadog-traces"]
    url: str
    api_key: SecretText


class DatadogSink(_Sink):
    """Datadog logs."""

    type: Literal["datadog-logs"]
    api_key: SecretText
    site: str = "datadoghq.com"
    url: str | None = None
    service: str = "agent-personas"
    tags: str = ""


class SplunkSink(_Sink):
    """Splunk HEC."""

    type: Literal["splunk"]
    url: str
    token: SecretText
    index: str | None = None
    sourcetype: str = "agent_personas:record"
    format: Form = Form.JSON


class CrowdStrikeSink(_Sink):
    """CrowdStrike Falcon Next-Gen SIEM."""

    type: Literal["crowdstrike"]
    url: str
    token: SecretText
    format: Form = Form.JSON


class SentinelSink(_Sink):
    """Microsoft Sentinel."""

    type: Literal["sentinel"]
    endpoint: str
    rule: str
    tenant: str
    client: str
    secret: SecretText
    stream: str = "Custom-AgentPersonas_CL"
    login: str = "https://login.microsoftonline.com"


class WebhookSink(_Sink):
    """A webhook."""

    type: Literal["webhook"]
    url: str
    headers: dict[str, str] = Field(default_factory=dict)
    secret: SecretText | None = None
    format: Form = Form.JSON


class SyslogSink(_Sink):
    """Syslog over TLS."""

    type: Literal["syslog"]
    host: str
    port: int = Field(default=6514, ge=1, le=65535)
    tls: bool = True
    ca: Path | None = None
    """Certificates that the receiver's must be issued by; without it, the system's."""
    format: Form = Form.CEF


class FileSink(_Sink):
    """A file."""

    type: Literal["file"]
    path: Path
    format: Form = Form.JSON


AnySink = Annotated[
    Otlp
    | OtlpOverHttp
    | LangfuseSink
    | DatadogTraces
    | DatadogSink
    | SplunkSink
    | CrowdStrikeSink
    | SentinelSink
    | WebhookSink
    | SyslogSink
    | FileSink,
    Field(discriminator="type"),
]


class Keep(_Closed):
    """How much of the trail stays on this disk. Without it, everything does."""

    bytes: int = Field(gt=0)
    """Above this, the oldest full segments that every sink has confirmed are dropped."""
    cap_bytes: int | None = Field(default=None, gt=0)
    """Above this, the oldest go whether confirmed or not: counted, logged and noted in the trail."""


class ExportSettings(_Closed):
    """The key `export:` of the settings file."""

    sinks: tuple[AnySink, ...] = ()
    metrics: str | None = None
    """Where Prometheus finds the metrics: `HOST:PORT`."""
    push_metrics: str | None = None
    """OTLP/gRPC receiver of the same metrics."""
    keep: Keep | None = None

    @property
    def wanted(self) -> bool:
        """Whether there is anything for an exporter to do."""
        return bool(self.sinks or self.metrics or self.push_metrics or self.keep)
