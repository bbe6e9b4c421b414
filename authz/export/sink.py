"""Where records go: what every sink must do, and how it says that it could not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class Unavailable(Exception):  # noqa: N818 - a state of the receiver, not a fault of ours
    """The batch was not taken; it is sent again, not before `after` seconds."""

    def __init__(self, message: str, *, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class Rejected(Exception):  # noqa: N818 - a verdict of the receiver, not a fault of ours
    """The receiver will never take this batch: sending it again would stop all that comes after."""


@dataclass(frozen=True, slots=True)
class Item:
    """One record on its way."""

    line: bytes
    """As it stands in the trail, without the newline: it keeps its hash provable at the receiver."""
    record: Mapping[str, object]


class Sink(Protocol):
    """One receiver."""

    name: str
    """Stable: the place in the trail is kept under it."""
    batch: int
    """Most records that one delivery takes."""

    def deliver(self, items: Sequence[Item]) -> None:
        """Hand over a batch; returning means that the receiver has confirmed it.

        Raises:
            Unavailable: it has not; the same batch comes again.
            Rejected: it refuses this batch for good.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
