"""What the trail says happened, read back through `personas audit`. Tells no fact that is not in it."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authz.audit import sentence
from scripts.demo_story.failure import Failure
from scripts.demo_story.stack import Stack

PATIENCE = 5.0
"""Seconds that a reader waits for a decision it knows to have been made."""

VERDICTS = ("allow", "deny")
"""Other records are of keys, definitions and outcomes."""


@dataclass(frozen=True, slots=True)
class Record:
    """One decision as recorded."""

    data: dict[str, Any]

    @property
    def id(self) -> str:
        """The decision's id."""
        return str(self.data["id"])

    @property
    def verdict(self) -> str:
        """`allow` or `deny`."""
        return str(self.data["decision"])

    @property
    def codes(self) -> tuple[str, ...]:
        """Why not."""
        return tuple(reason["code"] for reason in self.data["reasons"])

    @property
    def tool(self) -> str | None:
        """What was called, as far as it was read."""
        action = self.data["action"]
        tool: str | None = action["tool"] or action.get("method")
        return tool

    @property
    def app(self) -> str | None:
        """Which app it was meant for."""
        app: str | None = self.data["action"]["app"]
        return app

    def sentence(self) -> str:
        """The record, said to a person."""
        return sentence(self.data)


class Trail:
    """A reader that remembers how far it came."""

    def __init__(self, personas: Path, state: Path, stack: Stack) -> None:
        self._personas = personas
        self._state = state
        self._stack = stack
        self._told: set[str] = set()

    async def news(self, at_least: int) -> list[Record]:
        """The decisions made since the last time that this was asked, oldest first."""
        deadline = time.monotonic() + PATIENCE
        while True:
            fresh = [record for record in await self.all() if record.id not in self._told]
            if len(fresh) >= at_least or time.monotonic() > deadline:
                self._told.update(record.id for record in fresh)
                return fresh
            await asyncio.sleep(0.1)

    async def all(self) -> list[Record]:
        """Every decision."""
        status, said = await self._stack.run(
            self._personas, "audit", "show", "--state", self._state, "--json"
        )
        if status:
            raise Failure(f"the trail cannot be read: {said.strip()}")
        lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
        return [Record(line) for line in lines if line.get("decision") in VERDICTS]

    async def verifies(self) -> tuple[bool, str]:
        """Whether nothing is missing or altered."""
        status, said = await self._stack.run(self._personas, "audit", "verify", "--state", self._state)
        return status == 0, said.strip()
