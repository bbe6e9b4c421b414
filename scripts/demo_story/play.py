"""One performance: the world, the story in it, the verdict on both. Nothing of it stays behind."""

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path

from scripts.demo_story.failure import Failure
from scripts.demo_story.screen import Screen
from scripts.demo_story.stack import Stack
from scripts.demo_story.story import Story, by_hand
from scripts.demo_story.trail import Trail
from scripts.demo_story.world import World

PAUSE = 0.8
"""Seconds before each step when a person watches."""


async def play(state: Path, port: int | None, environment: Mapping[str, str], *, check: bool) -> int:
    """Tell the story; with `check`, 0 only if it went as told."""
    screen = Screen(pause=0 if check or not sys.stdout.isatty() else PAUSE)
    with Stack(state / "logs", environment) as stack:
        try:
            return await _tell(World(stack, state, port), screen, check=check)
        except Failure as failure:
            screen.line(f"scripts/demo: {failure} (logs: {stack.logs})")
            return 1


async def _tell(world: World, screen: Screen, *, check: bool) -> int:
    trail = Trail(world.personas, world.state, world.stack)
    story = Story(world, trail, screen)
    key = await story.tell()
    screen.heading("What is left of it")
    records = await trail.all()
    allowed = sum(record.verdict == "allow" for record in records)
    screen.line(f"{len(records)} decisions recorded, {allowed} allowed and {len(records) - allowed} denied.")
    verified, said = await trail.verifies()
    screen.line(f"personas audit verify: {said}")
    screen.line(
        f"The trail: {world.state}/trail   read it: {world.personas} audit show --state {world.state}"
    )
    if not verified:
        story.wrong.append("the trail verifies")
    if story.wrong:
        screen.bad("; ".join(story.wrong))
    if check:
        screen.line("(a temporary folder goes when the check has passed; --state DIR keeps it)")
        screen.line("not as told" if story.wrong else "every call was decided as the story says")
        return 1 if story.wrong else 0
    screen.heading("Try it by hand: allowed, refused, no key")
    screen.commands(by_hand(world.address, key))
    screen.line("\nUp until Ctrl-C.")
    with contextlib.suppress(asyncio.CancelledError):
        await _while_alive(world)
        return 1
    screen.line(f"\nStopped; the trail stays in {world.state}")
    return 1 if story.wrong else 0


async def _while_alive(world: World) -> None:
    while (dead := world.stack.dead()) is None:  # noqa: ASYNC110 - processes set no event
        await asyncio.sleep(0.5)
    raise Failure(f"{dead} has ended: {world.stack.last_words(dead)}")
