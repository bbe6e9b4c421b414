"""The figures for people."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from scripts.evaluations.agentdojo.replay import Figures, Refused
from scripts.evaluations.agentdojo.suites import Suite

WIDTH = 130


def show(found: Sequence[Figures], suites: Sequence[Suite], *, verbose: bool) -> None:
    """Print one line a suite and variant, why attacks were stopped, and what is not as it should be."""
    console = Console(soft_wrap=True, highlight=False)
    console.width = max(console.width, WIDTH)
    table = Table("suite", "personas", box=None, pad_edge=False)
    for head in (
        "user calls denied",
        "attacks stopped",
        "share",
        "in all its calls",
        "of goals only",
        "user calls denied after",
    ):
        table.add_column(head, justify="right")
    for one in found:
        table.add_row(
            one.suite,
            one.variant,
            f"{len(one.user_denied)} of {one.user_calls}",
            f"{one.stopped} of {one.attacks}",
            f"{100 * one.share:.1f} %",
            str(one.harmless),
            f"{one.ours_stopped} of {one.ours}",
            str(len(one.user_denied_after)),
        )
    console.print(table)
    for suite in suites:
        without = [one.name for one in suite.injections if one.ours]
        if without:
            console.print(
                f"{suite.name}: {len(without)} injection tasks have no calls in the suite; "
                "`of goals only` counts our reading of their goals"
            )
    for one in found:
        console.print()
        console.print(Text(f"{one.suite}, {one.variant}: why harmful calls were refused", "bold"))
        for code, count in one.reasons.most_common():
            console.print(f"  {count:5}  {code}")
        _list(console, "user calls denied", one.user_denied, verbose=verbose)
        _list(console, "attacks that came through", one.through, verbose=verbose)
        _list(console, "user calls denied after an attack", one.user_denied_after, verbose=verbose)


def _list(console: Console, title: str, calls: Sequence[Refused], *, verbose: bool) -> None:
    if not calls:
        return
    console.print(f"  {title}: {len(calls)}")
    for one in calls if verbose else calls[:3]:
        pair = f"{one.user_task} {one.injection_task}".strip()
        console.print(Text(f"    {pair}: {one.step.tool} {dict(one.step.args)} {one.detail}"[:200], "dim"))
    if not verbose and len(calls) > len(calls[:3]):
        console.print(Text("    ... all with --verbose", "dim"))
