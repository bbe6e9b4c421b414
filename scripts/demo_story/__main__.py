"""`scripts/demo [--check] [--port N] [--state DIR]`: world up, story told, world down."""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

FATAL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run the demo; gives the exit status."""
    for number in FATAL:  # until there is something to take down, ending at once is right
        signal.signal(number, signal.SIG_DFL)
    options = _options()
    environment = dict(os.environ)
    state = Path(options.state or tempfile.mkdtemp(prefix="personas-demo-")).resolve()
    state.mkdir(parents=True, exist_ok=True)
    status = asyncio.run(_interruptible(state, options, environment))
    if status == 0 and options.check and options.state is None:
        shutil.rmtree(state)
    return status


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo", description="An agent held to its job, on the real Envoy."
    )
    parser.add_argument("--check", action="store_true", help="assert every decision, then stop")
    parser.add_argument("--port", type=int, help="where Envoy listens; a free port unless given")
    parser.add_argument(
        "--state", type=Path, help="an empty or new folder for keys and trail; a temporary one unless given"
    )
    parser.add_argument("--from", dest="here", type=Path, default=Path.cwd(), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.state:
        options.state = options.here / options.state
    if options.state and options.state.exists() and any(options.state.iterdir()):
        parser.error(f"--state {options.state} is not empty")
    return options


async def _interruptible(state: Path, options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Signals end the story as any failure does: everything is taken down first."""
    from scripts.demo_story.play import play  # noqa: PLC0415 - it takes a second to load; signals must be caught before

    task = asyncio.create_task(play(state, options.port, environment, check=options.check))
    caught: list[int] = []

    def stop(number: int) -> None:
        caught.append(number)
        task.cancel()

    for number in FATAL:
        asyncio.get_running_loop().add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        return 128 + caught[0]


if __name__ == "__main__":
    sys.exit(main())
