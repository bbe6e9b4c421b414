"""The demo's world: four apps, the authorizer and Envoy, on ports of their own, and the keys to it.

Must not know the story that is told in it.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from scripts.demo_story.envoy import adapted, pipe, tcp, traced
from scripts.demo_story.failure import Failure
from scripts.demo_story.stack import Stack, free_ports, last_line, listening

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("tickets", "crm", "billing", "shipping")
AGENT = {
    "agent": "support-summarizer",
    "model": "claude-opus-4-5",
    "agent-version": "1.5.0",
    "deployment": "prod-eu",
    "user": "alice@example.com",
    "persona": "support-summarizer",
    "ttl": "1d",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An Agent Access Key, as it was issued."""

    id: str
    text: str


class World:
    """Where everything is."""

    def __init__(self, stack: Stack, state: Path, port: int | None) -> None:
        self.stack = stack
        self.state = state
        self.socket = state / "authz.sock"
        self.outcomes = state / "access.sock"
        self.personas = Path(sys.executable).with_name("personas")
        ports = free_ports(len(APPS) + 1)
        self.apps: Mapping[str, int] = dict(zip(APPS, ports, strict=False))
        self.port = port or ports[-1]

    @property
    def address(self) -> str:
        """Where Envoy listens: all that an agent needs to know besides its key."""
        return f"127.0.0.1:{self.port}"

    async def issue(self) -> Key:
        """Issue a key, as an operator would."""
        options = [word for name, value in AGENT.items() for word in (f"--{name}", value)]
        known = ("--defs", ROOT / "personas", "--state", self.state)
        status, said = await self.stack.run(self.personas, "keys", "issue", *options, *known, "--json")
        if status:
            raise Failure(f"no key could be issued: {last_line(said)}")
        issued = json.loads(said)
        return Key(id=issued["id"], text=issued["key"])

    async def revoke(self, key: Key) -> None:
        """Revoke a key, as an operator would."""
        status, said = await self.stack.run(self.personas, "keys", "revoke", key.id, "--state", self.state)
        if status:
            raise Failure(f"the key could not be revoked: {last_line(said)}")

    async def start(self) -> tuple[Key, Key]:
        """Start everything and wait until all of it answers; gives two keys to it."""
        if listening(self.port)():
            raise Failure(f"port {self.port} is in use; leave --port out or choose another")
        for app, port in self.apps.items():
            options = ("--port", str(port), "--state", self.state / "apps" / f"{app}.json")
            self.stack.start(app, [sys.executable, "-m", f"scripts.demo_apps.{app}", *options])
        # One key after the other, as they share a store; meanwhile the apps get ready.
        binary, keys = await asyncio.gather(self._configuration(), self._keys())
        config = self.state / "service.yaml"
        config.write_text(f"access_log: unix:{self.outcomes}\n")
        serve = ("serve", "--defs", ROOT / "personas", "--state", self.state, "--config", config)
        self.stack.start(
            "authorizer", [self.personas, *serve, "--listen", f"unix:{self.socket}"], ending=signal.SIGTERM
        )
        await self.stack.answers("authorizer", serving(self.socket))
        for app, port in self.apps.items():
            await self.stack.answers(app, listening(port))
        self.stack.start("envoy", [binary, "-c", self._config, "-l", "warning", *ENVOY])
        await self.stack.answers("envoy", listening(self.port))
        return keys

    async def _keys(self) -> tuple[Key, Key]:
        return await self.issue(), await self.issue()

    def remembered(self, app: str) -> dict[str, Any]:
        """What an app holds at this moment."""
        held: dict[str, Any] = json.loads((self.state / "apps" / f"{app}.json").read_text())
        return held

    @property
    def _config(self) -> Path:
        return self.state / "envoy.yaml"

    async def _configuration(self) -> Path:
        """Write Envoy's configuration and have Envoy itself judge it; gives the binary."""
        binary = Path(sys.executable).with_name("envoy")
        if not binary.exists():
            raise Failure(
                "Envoy is missing from .venv; remove .venv and start again (it needs Linux on x86-64)"
            )
        apps = {app: tcp("127.0.0.1", port) for app, port in self.apps.items()}
        apps["authorizer"] = pipe(str(self.socket))
        apps["access_log"] = pipe(str(self.outcomes))
        config = adapted(_yaml("envoy.yaml"), tcp("127.0.0.1", self.port), apps)
        collector = urlsplit(self.stack.environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""))
        if collector.hostname:
            config = traced(config, _yaml("tracing.yaml"), tcp(collector.hostname, collector.port or 4317))
        self._config.write_text(yaml.safe_dump(config, sort_keys=False))
        status, said = await self.stack.run(binary, "--mode", "validate", "-c", self._config, *ENVOY)
        if status:
            raise Failure(f"Envoy refuses its configuration: {last_line(said)}")
        return binary


# Without hot restart nothing is shared with another Envoy on this machine.
ENVOY = ("--concurrency", "1", "--disable-hot-restart")


def serving(path: Path) -> Callable[[], bool]:
    """Whether the authorizer says of itself that it serves."""

    def ready() -> bool:
        if not path.exists():
            return False
        with grpc.insecure_channel(f"unix:{path}") as channel:
            try:
                answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1)
            except grpc.RpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    return ready


def _yaml(name: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "envoy" / name).read_text())
    return document
