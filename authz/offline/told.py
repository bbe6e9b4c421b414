"""What a log tells, whatever its format: a call, how one ended, or that a line is no call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from authz.core.call import Agent, Json, Kind
from authz.core.reason import Reason

NO_ARGS: Mapping[str, Json] = {}
"""A plain object, for arguments are digested as JSON; nobody writes to it."""


class BadLineError(Exception):
    """A line that can't be read; the message says why, in one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One call. What is None the log does not say."""

    at: datetime | None = None
    """Aware, UTC."""
    agent: Agent | None = None
    user: str | None = None
    persona: str | None = None
    session: str | None = None
    app: str | None = None
    tool: str = ""
    """Empty when the log does not say what was called."""
    kind: Kind | None = None
    """None: a tool, prompt or resource, as the definitions know the name."""
    args: Mapping[str, Json] = field(default_factory=dict)
    """The arguments that the log shows."""
    whole: bool = True
    """Whether these are all of them."""
    digest: str | None = None
    """Of all arguments, where they are not shown: equal arguments have equal digests."""
    target: str | None = None
    """Of the target, likewise."""
    outcome: str | None = None
    """`ok`, `not_found`, `denied` or `error`."""
    sent: int | None = None
    """Bytes of the answer."""
    refused: Reason | None = None
    """Why such a request is refused before anything is judged."""
    identity: str = ""
    """Id under which its end will be told; empty when the line tells both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a call ended that was told before."""

    identity: str
    at: datetime
    outcome: str
    sent: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """What is taken where a log does not say who called."""

    agent: Agent | None = None
    user: str | None = None
    persona: str | None = None


@dataclass(frozen=True, slots=True)
class Bad:
    """A line that could not be read."""

    number: int
    """From 1."""
    why: str


@dataclass(slots=True)
class BadLines:
    """All lines that could not be read, the first of them with what was wrong."""

    count: int = 0
    first: list[Bad] = field(default_factory=list)
    spans: list[list[int]] = field(default_factory=list)
    """First and last number of lines in a row."""

    def add(self, bad: Bad) -> None:
        """One more."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(bad)
        if self.spans and self.spans[-1][1] + 1 == bad.number:
            self.spans[-1][1] = bad.number
        elif len(self.spans) < MOST_SPANS:
            self.spans.append([bad.number, bad.number])

    def numbers(self) -> str:
        """The line numbers: `3, 7-9`; the end is left out where there are very many."""
        text = ", ".join(f"{low}" if low == high else f"{low}-{high}" for low, high in self.spans)
        return f"{text}, ..." if len(self.spans) == MOST_SPANS else text


SHOWN = 20
"""Bad lines that are shown with what is wrong with them."""
MOST_SPANS = 1000
