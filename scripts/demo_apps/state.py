"""What a demo app remembers: one JSON file, so that anybody can see whether a write happened.

Must not know what any app does, nor anything of personas beyond the names of the headers an app is shown.
"""

import json
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

IDENTITY = ("x-persona-agent", "x-persona-user", "x-persona-name", "x-persona-decision")


class State:
    """A JSON object on disk, replaced whole at every change."""

    def __init__(self, path: Path, seed: Mapping[str, Any]) -> None:
        self.path = path
        self.data: dict[str, Any] = (
            json.loads(path.read_text()) if path.exists() else json.loads(json.dumps(seed))
        )
        self.save()

    def save(self) -> None:
        """Replace the file in one step: a reader never meets half of it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        fresh.write_text(json.dumps(self.data, indent=2) + "\n")
        fresh.replace(self.path)

    def saw(self, what: str, headers: Mapping[str, str]) -> None:
        """Note a request that reached the app, for whom, and whether a credential came with it."""
        self.data.setdefault("seen", []).append(
            {
                "request": what,
                "credential": "authorization" in headers or "x-agent-access-key" in headers,
                **{name: headers[name] for name in IDENTITY if name in headers},
            }
        )
        self.save()


class Seen:
    """ASGI middleware that notes every HTTP request before the app gets it."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self.app = app
        self.state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note and pass on."""
        if scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            self.state.saw(f"{scope['method']} {scope['path']}", headers)
        await self.app(scope, receive, send)


def arguments(app: str, port: int) -> Namespace:
    """The command line that all demo apps share."""
    parser = ArgumentParser(prog=app, description=f"the demo's {app} app")
    parser.add_argument(
        "--host", default="127.0.0.1", help="where to listen; only the compose file needs another"
    )
    parser.add_argument("--port", type=int, default=port)
    parser.add_argument(
        "--state", type=Path, default=Path(f"{app}.json"), help="the file that holds the app's data"
    )
    read = parser.parse_args()
    os.umask(0o077)
    return read
