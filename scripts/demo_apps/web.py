"""Runs an ASGI demo app until SIGTERM. Must not know which app it is."""

from argparse import Namespace

import uvicorn
from mcp.server import MCPServer
from mcp.server.transport_security import TransportSecuritySettings
from starlette.types import ASGIApp

from scripts.demo_apps.state import Seen, State

# Envoy hands on the host without its port; both spellings name this machine.
LOCAL_HOSTS = [name + port for name in ("127.0.0.1", "localhost") for port in ("", ":*")]


def run(app: ASGIApp, state: State, settings: Namespace) -> None:
    """Serve `app`; an open event stream does not hold up the end."""
    uvicorn.run(
        Seen(app, state),
        host=settings.host,
        port=settings.port,
        log_level="warning",
        timeout_graceful_shutdown=1,
    )


def run_mcp(server: MCPServer[None], state: State, settings: Namespace) -> None:
    """Serve `server` at `/mcp` over Streamable HTTP, in both eras of the protocol."""
    guard = TransportSecuritySettings(allowed_hosts=LOCAL_HOSTS)
    run(server.streamable_http_app(transport_security=guard), state, settings)
