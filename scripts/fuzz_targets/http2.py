"""Fuzzes the server's end of HTTP/2: a peer that mostly keeps the rules, cut anywhere, and noise among it.

    python scripts/fuzz_targets/http2.py [--frames N | --seconds N] [--seed N]

Fails on any exception, on bytes that are no frames, and on calls that are given out or cancelled twice.
A failure prints the seed of its connection; `--seed` with `--frames 1` repeats it.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from authz.http2 import Connection, ErrorCode, Limits, frames

LIMITS = Limits(
    concurrent_streams=8,
    message_bytes=2000,
    buffered_bytes=4000,
    header_list_bytes=2000,
    pending_bytes=20_000,
    stream_window=65_535,
    connection_window=65_535,
)
FIELDS = (
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":path", b"/a/b"),
    (b"te", b"trailers"),
    (b"content-type", b"application/grpc"),
)
MORE = (
    (b"grpc-timeout", b"1S"),
    (b"grpc-timeout", b"never"),
    (b"traceparent", b"00-0-0-01"),
    (b"x-a", b"1"),
    (b"content-length", b"5"),
    (b"connection", b"close"),
    (b"X", b""),
    (b":path", b"/again"),
    (b"x-big", b"v" * 126),
)
MOST_FRAMES = 2000
GROWTH = 3


class Unexpected(Exception):  # noqa: N818 - what a fuzzer looks for
    """The connection did what it must not."""


def literal(name: bytes, value: bytes, first: int = 0) -> bytes:
    """A field as a literal."""
    return bytes((first, len(name))) + name + bytes((len(value),)) + value


class Peer:
    """Says one thing after the other."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._last = 1
        self._open: list[int] = []
        self._ways: dict[Callable[[], bytes], int] = {
            self.call: 30,
            self.begin: 20,
            self.piece: 15,
            self.end: 15,
            self.cancel: 4,
            self.late: 3,
            self.grow: 8,
            self.quiet: 4,
            self.settings: 2,
            self.noise: 1,
        }

    def say(self) -> bytes:
        """A frame, or a few that belong together."""
        (way,) = self._rng.choices(tuple(self._ways), tuple(self._ways.values()))
        return way()

    def call(self) -> bytes:
        """A whole call."""
        return self.begin() + self.end()

    def begin(self) -> bytes:
        """HEADERS, sometimes in pieces."""
        self._last += self._rng.choice((2, 2, 2, 2, 4))
        self._open.append(self._last)
        block = self._block()
        cut = self._rng.randrange(len(block))
        if cut % 3:
            return frames.frame(frames.HEADERS, frames.END_HEADERS, self._last, block)
        first = frames.frame(frames.HEADERS, 0, self._last, block[:cut])
        return first + frames.frame(frames.CONTINUATION, frames.END_HEADERS, self._last, block[cut:])

    def piece(self) -> bytes:
        """DATA that does not end a request."""
        if not self._open:
            return self.begin()
        return frames.frame(frames.DATA, 0, self._some(), self._message()[: self._rng.randrange(900)])

    def end(self) -> bytes:
        """DATA or trailers that do."""
        if not self._open:
            return self.begin()
        stream_id = self._open.pop(self._rng.randrange(len(self._open)))
        if self._rng.randrange(9):
            return frames.frame(frames.DATA, frames.END_STREAM, stream_id, self._message())
        return frames.frame(frames.HEADERS, 5, stream_id, literal(b"x-sum", b"1"))

    def cancel(self) -> bytes:
        """RST_STREAM."""
        stream_id = self._some()
        if stream_id in self._open:
            self._open.remove(stream_id)
        return frames.reset(stream_id, ErrorCode.CANCEL)

    def late(self) -> bytes:
        """What ends a stream, or less."""
        return self._rng.choice(
            (
                frames.window_update(self._some(), 0),
                frames.window_update(self._some(), 2**31 - 1),
                frames.frame(frames.PRIORITY, 0, self._some(), b""),
                frames.frame(frames.PRIORITY, 0, self._some(), b"\x00" * 5),
            )
        )

    def grow(self) -> bytes:
        """WINDOW_UPDATE."""
        stream_id = self._rng.choice((0, self._some()))
        return frames.window_update(stream_id, self._rng.choice((1, 50, 5000)))

    def quiet(self) -> bytes:
        """What changes nothing."""
        return self._rng.choice(
            (
                frames.frame(frames.PING, 0, 0, b"8 bytes."),
                frames.frame(frames.PING, frames.ACK, 0, b"draining"),
                frames.frame(0x42, 0xFF, self._last, b"what"),
            )
        )

    def settings(self) -> bytes:
        """Other windows and frames."""
        window, size = self._rng.choice((0, 1, 100, 65_535)), self._rng.choice((16_384, 20_000))
        return frames.settings({frames.INITIAL_WINDOW_SIZE: window, frames.MAX_FRAME_SIZE: size})

    def noise(self) -> bytes:
        """Any frame, or any bytes."""
        rng = self._rng
        payload = rng.choice((rng.randbytes(rng.randrange(20)), self._block(), self._message()))
        stream_id = rng.choice((0, self._some(), self._last + 1, rng.randrange(2**32)))
        any_frame = frames.frame(rng.randrange(12), rng.randrange(256), stream_id, payload)
        return rng.choice((any_frame, any_frame, any_frame, rng.randbytes(rng.randrange(30))))

    def _some(self) -> int:
        return self._rng.choice(self._open) if self._open else self._last

    def _block(self) -> bytes:
        rng = self._rng
        more = rng.choice((*((),) * 5, *((one,) for one in MORE), (MORE[3],) * 60))
        fields = b"".join(literal(*one, rng.choice((0, 0, 0, 0x10, 0x40))) for one in (*FIELDS, *more))
        return fields if rng.randrange(200) else fields[: rng.randrange(len(fields))] + rng.randbytes(3)

    def _message(self) -> bytes:
        rng = self._rng
        size = rng.choice((0, 3, 40, 1900, 2100))
        announced = size if rng.randrange(10) else rng.randrange(5000)
        return bytes((not rng.randrange(20),)) + announced.to_bytes(4, "big") + b"x" * size


def check_frames(data: bytes, *, closed: bool) -> None:
    """Fail if `data` is not whole frames, or the end is not said."""
    at, kind = 0, -1
    while at < len(data):
        kind = data[at + 3]
        at += 9 + int.from_bytes(data[at : at + 3], "big")
    if at != len(data):
        raise Unexpected("part of a frame was sent")
    if closed and kind != frames.GOAWAY:
        raise Unexpected("the connection ended without a word")


class Conversation:
    """One connection, from hello to its end."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)  # noqa: S311 - no secret
        self._connection = Connection(LIMITS, 0.0)
        self._waiting: set[int] = set()
        self._now = 0.0

    def run(self) -> int:
        """Talk until the end; gives how many frames were heard."""
        rng, connection = self._rng, self._connection
        peer = Peer(rng)
        hello = frames.PREFACE + frames.settings({})
        if rng.randrange(5):
            block = b"\x20" + b"".join(literal(*one) for one in FIELDS)
            hello += frames.frame(frames.SETTINGS, frames.ACK, 0)
            hello += frames.frame(frames.HEADERS, 5, 1, block)
        connection.receive(hello, 0.0)
        heard = 0
        while heard < MOST_FRAMES and not connection.closed:
            said = [peer.say() for _ in range(rng.randrange(1, 9))]
            heard += len(said)
            part = b"".join(said)
            cut = rng.choice((len(part), rng.randrange(len(part) + 1)))
            self._hear(part[:cut])
            self._hear(part[cut:])
            if not rng.randrange(2000):
                connection.drain(self._now)
        return heard

    def _hear(self, part: bytes) -> None:
        if self._connection.closed:
            return
        self._now += self._rng.random()
        calls, cancelled = self._connection.receive(part, self._now)
        self._forget(cancelled)
        for call in calls:
            if call.stream_id in self._waiting:
                raise Unexpected("a call was given out twice")
            if self._rng.randrange(3):
                self._connection.answer(call.stream_id, call.message * GROWTH, self._now)
            else:
                self._connection.wait(call.stream_id, self._now)
                self._waiting.add(call.stream_id)
        for stream_id in tuple(self._waiting):
            if not self._rng.randrange(3):
                self._waiting.remove(stream_id)
                self._connection.answer(stream_id, b"late", self._now)
        if self._now >= self._connection.due:
            self._forget(self._connection.expire(self._now))
        check_frames(self._connection.take(), closed=self._connection.closed)

    def _forget(self, cancelled: list[int]) -> None:
        if not self._connection.closed and not self._waiting.issuperset(cancelled):
            raise Unexpected("a call was cancelled that nobody had")
        self._waiting.difference_update(cancelled)


def main() -> None:
    """Fuzz until enough has been heard."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    end = time.monotonic() + options.seconds
    seed, heard = options.seed, 0
    while heard < options.frames if options.frames else time.monotonic() < end:
        try:
            heard += Conversation(seed).run()
        except BaseException:
            print(f"seed {seed}", file=sys.stderr)
            raise
        seed += 1
    print(f"{heard:,} frames on {seed - options.seed:,} connections, nothing found")


if __name__ == "__main__":
    main()
