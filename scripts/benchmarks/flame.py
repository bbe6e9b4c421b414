"""Where the time of a decision goes, as a picture: samples of the stack while batches are decided.

A timer of the process's own CPU time interrupts, and the stack at that moment is noted. What C code does
counts for the Python function that called it. Writes `docs/flame.svg`; the width of a box is its part of
all samples.
"""

import argparse
import signal
import sysconfig
import time
from collections import Counter
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from types import FrameType

from scripts.benchmarks.guard import stages
from scripts.benchmarks.wire import ROOT

LIBRARY = sysconfig.get_path("stdlib")
INTERVAL = 0.001
WIDTH, ROW = 1200, 18
LEAST = 1.5
"""Boxes narrower than so many pixels are left out."""
TOP = "authz/server/answer.py:Authorizer.__call__"
Stack = tuple[str, ...]


@dataclass(slots=True)
class Box:
    """A function under the functions that called it."""

    samples: int = 0
    inner: dict[str, "Box"] = field(default_factory=dict)


def sampled(seconds: float) -> Counter[Stack]:
    """Stacks below the authorizer, while it decides."""
    found: Counter[Stack] = Counter()

    def note(_signal: int, frame: FrameType | None) -> None:
        names: list[str] = []
        while frame is not None:
            code = frame.f_code
            where = code.co_filename.removeprefix(f"{ROOT}/").removeprefix(f"{LIBRARY}/")
            names.append(f"{where}:{code.co_qualname}")
            frame = frame.f_back
        names.reverse()
        if TOP in names:
            found[tuple(names[names.index(TOP) :])] += 1

    with stages() as each:
        whole = each["whole"]
        for _ in range(50):
            whole()
        signal.signal(signal.SIGPROF, note)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            whole()
        signal.setitimer(signal.ITIMER_PROF, 0)
    return found


def tree(stacks: Counter[Stack]) -> Box:
    """The samples, by caller."""
    root = Box()
    for stack, count in stacks.items():
        at = root
        at.samples += count
        for name in stack:
            at = at.inner.setdefault(name, Box())
            at.samples += count
    return root


def drawn(root: Box) -> str:
    """The picture (SVG)."""
    rows: list[str] = []
    deepest = 0

    def draw(box: Box, left: float, depth: int) -> None:
        nonlocal deepest
        deepest = max(deepest, depth)
        for name, one in sorted(box.inner.items()):
            width = one.samples / root.samples * WIDTH
            if width < LEAST:
                continue
            label = escape(name.rpartition(":")[2][: max(0, int(width / 6.5))])
            part = f"{escape(name)}: {one.samples / root.samples:.1%}"
            hue = 20 + sum(name.rpartition("/")[0].encode()) * 7 % 40
            rows.append(
                f'<g><title>{part}</title><rect x="{left:.1f}" y="{depth * ROW}" width="{width:.1f}" '
                f'height="{ROW - 1}" fill="hsl({hue},80%,70%)"/>'
                f'<text x="{left + 3:.1f}" y="{depth * ROW + 13}">{label}</text></g>'
            )
            draw(one, left, depth + 1)
            left += width

    draw(root, 0.0, 0)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {(deepest + 1) * ROW}" '
        'font-family="monospace" font-size="11">'
    )
    return "\n".join([head, *rows, "</svg>", ""])


def main() -> None:
    """Write the picture, and print what each function takes by itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "flame.svg")
    options = parser.parse_args()
    stacks = sampled(options.seconds)
    options.out.write_text(drawn(tree(stacks)))
    total = sum(stacks.values())
    own: Counter[str] = Counter()
    rooms: Counter[str] = Counter()
    for stack, count in stacks.items():
        own[stack[-1]] += count
        room = next((name for name in reversed(stack) if name.startswith("authz/")), "?")
        rooms["/".join(room.split("/")[:2])] += count
    for title, counted in (("room", rooms), ("function, by itself", own)):
        print(f"\n{title:70}{'part':>8}")
        for name, count in counted.most_common(20):
            print(f"{name:70}{count / total:>8.1%}")


if __name__ == "__main__":
    main()
