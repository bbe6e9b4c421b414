"""What a person sees of the demo. Must not decide anything."""

import time
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.rule import Rule

from scripts.demo_story.trail import Record


class Screen:
    """Prints as it happens; long lines are left to the terminal, so that they can be copied."""

    def __init__(self, pause: float) -> None:
        """`pause`: seconds before each step, so that a person can follow."""
        self.pause = pause
        self.console = Console(highlight=False, soft_wrap=True)

    def heading(self, text: str) -> None:
        """A part of the story."""
        self.console.print()
        self.console.print(Rule(f"[bold]{escape(text)}[/]", align="left"))

    def step(self, text: str) -> None:
        """What the agent is about to do."""
        time.sleep(self.pause)
        self.console.print(f"\n[bold]{escape(text)}[/]")

    def fact(self, text: str) -> None:
        """Something seen outside the trail: an answer, a balance."""
        self.console.print(f"  [dim]{escape(text)}[/]")

    def record(self, record: Record) -> None:
        """One decision, from the trail."""
        allowed = record.verdict == "allow"
        mark = "[green]✓[/]" if allowed else "[red]✗[/]"
        said = escape(record.sentence())
        before, _, verdict = said.rpartition(": ")
        self.console.print(f"  {mark} {before}: [{'green' if allowed else 'red'}]{verdict}[/]")

    def good(self, text: str) -> None:
        """Something that had to hold and did."""
        self.console.print(f"  [green]{escape(text)}[/]")

    def bad(self, text: str) -> None:
        """Something that had to hold and did not."""
        self.console.print(f"  [bold red]not as the story says:[/] {escape(text)}")

    def commands(self, lines: Sequence[str]) -> None:
        """Lines to be pasted."""
        for line in lines:
            self.console.print(f"\n{escape(line)}")

    def line(self, text: str) -> None:
        """A plain line."""
        self.console.print(escape(text))
