"""What one connection may cost: every bound with its name and default, and the budgets that count.

Nothing here reads a clock: a budget is told the time by whoever spends from it.
"""

from dataclasses import dataclass, fields

from authz.http2.codes import ConnectionFault, ErrorCode
from authz.http2.frames import DEFAULT_WINDOW, LARGEST_WINDOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A token bucket: `burst` at once, refilled at `per_second`."""

    per_second: float
    """Events a second that may go on for ever."""
    burst: int
    """Events that may come together after a quiet time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Floods:
    """How many frames of a kind, none of which costs its sender anything, a peer may send."""

    resets: Rate = Rate(per_second=200, burst=2048)
    """RST_STREAM received (rapid reset, CVE-2023-44487). The burst covers two full sets of calls."""
    faults: Rate = Rate(per_second=50, burst=200)
    """Streams that we reset through the peer's fault (MadeYouReset, CVE-2025-8671)."""
    pings: Rate = Rate(per_second=50, burst=500)
    """PING (CVE-2019-9512)."""
    settings: Rate = Rate(per_second=10, burst=100)
    """SETTINGS, acknowledgements included (CVE-2019-9515)."""
    window_updates: Rate = Rate(per_second=20_000, burst=40_000)
    """WINDOW_UPDATE. Some clients send one for each answer, so this one is high."""
    empty_frames: Rate = Rate(per_second=100, burst=1000)
    """DATA that neither carries a byte nor ends its stream (CVE-2019-9518)."""
    idle_frames: Rate = Rate(per_second=100, burst=1000)
    """PRIORITY, GOAWAY and frames of unknown types."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """All bounds, of one connection unless said otherwise. Times are seconds, sizes bytes."""

    connections: int = 1024
    """Connections of one listener; more are closed at once. Kept by the transport."""
    concurrent_streams: int = 1024
    """Calls in flight; one more is refused with REFUSED_STREAM."""
    message_bytes: int = 4 * 1024 * 1024
    """A request message; a longer one is answered RESOURCE_EXHAUSTED before it has arrived."""
    buffered_bytes: int = 16 * 1024 * 1024
    """All unfinished request messages together; the one that goes beyond is answered RESOURCE_EXHAUSTED."""
    header_list_bytes: int = 16 * 1024
    """A header list as RFC 9113 section 6.5.2 counts it. An encoded block beyond it ends the connection."""
    header_table_bytes: int = 0
    """Dynamic table of the peer. With 0, blocks carry no state and equal ones cost one look-up."""
    continuations: int = 16
    """CONTINUATION frames of one field block (CVE-2024-27316)."""
    stream_window: int = 1024 * 1024
    """Flow-control window we grant each stream; at least 65,535."""
    connection_window: int = 8 * 1024 * 1024
    """Flow-control window we grant the connection; at least 65,535."""
    pending_bytes: int = 8 * 1024 * 1024
    """Answers that wait for the peer's flow-control windows; more ends the connection."""
    write_buffer_bytes: int = 1024 * 1024
    """Bytes the socket has not taken; beyond it nothing more is read from the peer."""
    handshake_seconds: float = 10.0
    """From connecting to the acknowledgement of our SETTINGS."""
    receive_seconds: float = 30.0
    """From a call's first frame to its last."""
    answer_seconds: float = 60.0
    """For the answer to a call that names no deadline of its own."""
    send_seconds: float = 30.0
    """From an answer being ready to the peer having taken it."""
    idle_seconds: float = 7200.0
    """Without any call; longer than the hour after which Envoy lets go, so that it is Envoy that closes."""
    drain_seconds: float = 30.0
    """From GOAWAY to closing over what is still in flight, where nobody says otherwise."""
    floods: Floods = Floods()
    """Frames that cost their sender nothing."""

    def __post_init__(self) -> None:
        for window in (self.stream_window, self.connection_window):
            # A peer may use the default window until it has read our SETTINGS (RFC 9113 section 6.9.2).
            if not DEFAULT_WINDOW <= window <= LARGEST_WINDOW:
                raise ValueError(f"a window has {DEFAULT_WINDOW} to {LARGEST_WINDOW} bytes, not {window}")


class Budget:
    """What is left of one `Rate`."""

    __slots__ = ("_at", "_left", "_name", "_rate")

    def __init__(self, name: str, rate: Rate, now: float) -> None:
        self._name = name
        self._rate = rate
        self._left = float(rate.burst)
        self._at = now

    def spend(self, now: float) -> None:
        """Take one.

        Raises:
            ConnectionFault: Nothing is left.
        """
        rate = self._rate
        self._left = min(rate.burst, self._left + (now - self._at) * rate.per_second) - 1.0
        self._at = now
        if self._left < 0.0:
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, f"too many {self._name}")


class Budgets:
    """The budgets of one connection, one for each field of `Floods`."""

    __slots__ = tuple(field.name for field in fields(Floods))

    resets: Budget
    faults: Budget
    pings: Budget
    settings: Budget
    window_updates: Budget
    empty_frames: Budget
    idle_frames: Budget

    def __init__(self, floods: Floods, now: float) -> None:
        for field in fields(Floods):
            name = field.name.replace("_", " ")
            setattr(self, field.name, Budget(name, getattr(floods, field.name), now))
