"""Logs to try things on: lines of the call log, and what a set of definitions makes of them."""

from collections.abc import Iterable
from typing import Any

import orjson

from authz.offline.judging import Judge, Verdict
from authz.offline.reading import Format, Reading, reader_of
from authz.offline.tally import codes
from authz.offline.told import Ended, Fallback, Told
from tests.compiler.world import WHOLE, compiled, swapped

AGENT = {"id": "summarizer", "model": "claude-sonnet-5", "version": "1.4.2", "deployment": "prod-eu"}


def line(second: float = 0, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - members of a line
    """A call that the definitions of the compiler's tests allow."""
    minute, rest = divmod(second, 60)
    hour, minute = divmod(int(minute), 60)
    return {
        "at": f"2026-03-02T{8 + hour:02}:{minute:02}:{rest:06.3f}Z",
        "agent": AGENT,
        "user": "alice@example.com",
        "persona": "support",
        "session": "s-1",
        "app": "tickets",
        "tool": "get_ticket",
        "args": {"ticket": "T-1"},
        "outcome": "ok",
        **fields,
    }


def lines(values: Iterable[object]) -> list[tuple[int, bytes]]:
    """The lines of a file."""
    return [
        (number, one if isinstance(one, bytes) else orjson.dumps(one) + b"\n")
        for number, one in enumerate(values, 1)
    ]


def read(form: Format, *values: object, text: str = WHOLE, **fields: str) -> list[Told | Ended]:
    """What a format makes of some lines."""
    reader = reader_of(form, compiled(text).definitions, fields)
    return [one for _, one in Reading(lines(values), reader)]


def judged(
    *values: object, text: str = WHOLE, form: Format = Format.CALLS, fallback: Fallback | None = None
) -> list[Verdict]:
    """What the definitions say to each call of a log."""
    made = compiled(text)
    judge = Judge(made, fallback)
    found: list[Verdict] = []
    for _, one in Reading(lines(values), reader_of(form, made.definitions, {})):
        if isinstance(one, Told):
            found.append(judge.decide(one))
        else:
            judge.ended(one)
    return found


def said(verdicts: Iterable[Verdict]) -> list[str]:
    """Each decision with its codes: `deny tool.not-granted`."""
    return [" ".join((one.word.value, *codes(one.reasons))) for one in verdicts]


def behaving(rules: str, text: str = WHOLE) -> str:
    """The definitions with a `behaviour:` block."""
    return swapped("data:\n  allow", f"behaviour:\n{rules}\ndata:\n  allow", text)
