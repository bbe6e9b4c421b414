"""The clock of the service. Everything else is told the time."""

import os
import time
from datetime import UTC, datetime
from itertools import count

_SEQUENCE = count(int.from_bytes(os.urandom(4)))
_PROCESS = os.urandom(5).hex()


def now() -> datetime:
    """The present instant, aware, UTC."""
    return datetime.now(UTC)


def monotonic_us() -> int:
    """Microseconds of a clock that never steps back."""
    return time.monotonic_ns() // 1000


def decision_id() -> str:
    """A new id: text that sorts by time, unique across processes (the layout of RFC 9562 UUIDv7).

    After the milliseconds come a counter and a value of this process, both begun at random: no entropy is
    read on the path of a call.
    """
    milliseconds = time.time_ns() // 1_000_000 & 0xFFFF_FFFF_FFFF
    step = next(_SEQUENCE) & 0xFFFF_FFFF
    stamp = f"{milliseconds:012x}"
    return f"{stamp[:8]}-{stamp[8:]}-7{step >> 20:03x}-8{step >> 8 & 0xFFF:03x}-{step & 0xFF:02x}{_PROCESS}"
