"""What the trail says happened, read back through `personas audit`. Tells no fact that is not in it."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from authz.audit import sentence
from scripts.demo_story.failure import Failure
from scripts.demo_story.stack import Stack, last_line

READER = "reader"
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
    """A reader that follows the trail, and remembers how far it came."""

    def __init__(self, personas: Path, state: Path, stack: Stack) -> None:
        self._personas = personas
        self._state = state
        self._stack = stack
        self._told = 0

    def follow(self) -> None:
        """Begin to read; the trail exists by now."""
        command = ("audit", "tail", "--state", self._state, "--lines", "1000", "--json")
        self._stack.start(READER, [self._personas, *command])

    async def news(self, enough: Callable[[list[Record]], bool]) -> list[Record]:
        """The decisions made since this was last asked, oldest first, once they are `enough`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            records = _decisions(self._stack.said(READER))
            fresh = records[self._told :]
            if enough(fresh) or time.monotonic() > deadline:
                self._told = len(records)
                return fresh
            await asyncio.sleep(0.05)

    async def all(self) -> list[Record]:
        """Every decision, from the trail as it lies on disk now."""
        status, said = await self._stack.run(
            self._personas, "audit", "show", "--state", self._state, "--json"
        )
        if status:
            raise Failure(f"the trail cannot be read: {last_line(said)}")
        return _decisions(said)

    async def verifies(self) -> tuple[bool, str]:
        """Whether nothing is missing or altered."""
        status, said = await self._stack.run(self._personas, "audit", "verify", "--state", self._state)
        return status == 0, said.strip()


def _decisions(said: str) -> list[Record]:
    lines = said.splitlines(keepends=True)
    read = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]
    return [Record(line) for line in read if line.get("decision") in VERDICTS]
