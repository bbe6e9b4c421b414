"""A comparison as Markdown for a pull request."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from authz.compiler.problem import printable
from authz.offline.diff.calls import Shifted, Shifts
from authz.offline.diff.change import Change, Direction

MOST_ROWS = 100
_WORDS: Mapping[Direction, str] = {
    Direction.WIDER: "allows more",
    Direction.EITHER: "may allow more",
    Direction.NARROWER: "allows less",
    Direction.SAME: "neither",
}
_ORDER = (Direction.WIDER, Direction.EITHER, Direction.NARROWER, Direction.SAME)


def markdown(changes: Sequence[Change], shifts: Shifts | None) -> str:
    """The whole text."""
    lines = ["## What this change of personas allows and denies", "", _verdict(changes, shifts), ""]
    if shifts is not None:
        lines += [f"### On {shifts.calls} recorded calls", ""]
        lines += _calls("newly allowed", shifts.allowed, shifts.newly_allowed)
        lines += _calls("newly denied", shifts.denied, shifts.newly_denied)
        if shifts.undecided:
            lines += [f"{shifts.undecided} calls could not be decided: the log does not say enough.", ""]
    lines += ["### In the definitions", ""]
    if not changes:
        lines += ["Nothing that is enforced has changed.", ""]
    else:
        ordered = sorted(changes, key=lambda one: (_ORDER.index(one.direction), one.about, one.what))
        lines += ["| | what | change | where |", "|---|---|---|---|"]
        lines += [_row(one) for one in ordered[:MOST_ROWS]]
        lines += [*_rest(len(ordered)), ""]
    return "\n".join(lines)


def _verdict(changes: Iterable[Change], shifts: Shifts | None) -> str:
    count = sum(one.direction.allows for one in changes)
    parts = [f"{count} change{'s' * (count != 1)} of the definitions allow{'s' * (count == 1)} more, or may"]
    if shifts is not None:
        parts.append(f"{shifts.allowed} recorded calls are newly allowed, {shifts.denied} newly denied")
    if not count and (shifts is None or not shifts.allowed):
        parts = ["Nothing is newly allowed", *parts[1:]]
    return f"**{'; '.join(parts)}.**"


def _row(one: Change) -> str:
    mark = f"**{_WORDS[one.direction]}**" if one.direction.allows else _WORDS[one.direction]
    where = f"`{one.place}`" if str(one.place) else ""
    return f"| {mark} | {cell(one.about)} | {cell(one.what)} | {where} |"


def _calls(title: str, count: int, found: Mapping[tuple[str, str, str, str], Shifted]) -> Iterator[str]:
    yield f"**{count} {title}**"
    yield ""
    if not found:
        return
    yield "| calls | agent | persona | tool | reason | first |"
    yield "|---:|---|---|---|---|---|"
    rows = sorted(found.items(), key=lambda pair: (-pair[1].calls, pair[0]))
    for (agent, persona, called, reason), one in rows[:MOST_ROWS]:
        cells = (agent, persona, called, f"{reason}: {one.detail}")
        yield f"| {one.calls} | {' | '.join(cell(text) for text in cells)} | call {one.first} |"
    yield from _rest(len(rows))
    yield ""


def _rest(rows: int) -> list[str]:
    return [f"| | and {rows - MOST_ROWS} more |"] if rows > MOST_ROWS else []


def cell(text: str) -> str:
    """Text that stays in its cell: what agents called themselves is no Markdown of ours."""
    plain = printable(text).replace("\\", "\\\\").replace("|", "\\|")
    for mark in "<>[]*_~":
        plain = plain.replace(mark, f"\\{mark}")
    return plain
