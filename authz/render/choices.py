"""What an operator may choose about the rendered Envoy. Values only."""

from dataclasses import dataclass

_LAST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """Addresses and limits."""

    listen: str = "127.0.0.1:10000"
    """`ADDRESS:PORT` where agents connect."""
    authorizer: str = "unix:/run/personas/authz.sock"
    """`unix:PATH` or `HOST:PORT` of `personas serve`."""
    max_request_bytes: int = 1024 * 1024
    """Longest body that is shown to the authorizer; a longer one is refused."""
    stream_seconds: int = 300
    """How long something that is judged only once may last, before it must be opened, and judged, again."""
    virtual_path: str = "/mcp"
    """Path of the virtual MCP endpoint; empty for none."""
    access_log: str = "unix:/run/personas/access.sock"
    """Where `personas serve` takes the outcome of each call (its `access_log:`); empty for nowhere."""
    resource: str = ""
    """URL by which clients know the protected resource (RFC 9728); empty serves no metadata."""
    authorization_servers: tuple[str, ...] = ()
    """Issuers whose tokens the resource takes."""
    otlp: str = ""
    """`HOST:PORT` of an OpenTelemetry collector for Envoy's own spans; empty for none."""


def host_port(address: str) -> tuple[str, int]:
    """The two parts of `HOST:PORT`; brackets around an IPv6 address are taken off.

    Raises:
        ValueError: For anything else.
    """
    host, separator, port = address.rpartition(":")
    if not separator or not host or not port.isdigit() or not 0 < int(port) <= _LAST_PORT:
        message = f"`{address}` is no HOST:PORT"
        raise ValueError(message)
    return host.removeprefix("[").removesuffix("]"), int(port)
