"""An open-loop HTTP/1.1 load: requests fall due at a fixed rate, whatever became of those before.

A latency counts from the instant at which its request was due, so that a stall is seen by every request
that it held up (no coordinated omission). `select` and not an event loop: its time-outs are finer than a
millisecond.
"""

import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Load:
    """What a load met."""

    latencies: list[float] = field(default_factory=list)
    """Milliseconds from due to answered, in the order of the answers."""
    failed: int = 0
    """Answers other than 200, and requests whose connection broke."""
    worst_send: float = 0.0
    """Milliseconds that the generator itself was late with a request while a connection was free."""


def percentile(latencies: Sequence[float], part: float) -> float:
    """The value below which this part (0 to 1) of them lies."""
    ordered = sorted(latencies)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def request(port: int, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """The bytes of a POST."""
    lines = [f"POST {path} HTTP/1.1", f"host: 127.0.0.1:{port}", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def load(port: int, sent: bytes, rate: float, seconds: float, connections: int = 32) -> Load:
    """Send `rate` requests a second for so long; waits 10 s at most for the last answers."""
    found = Load()
    count = int(rate * seconds)
    free = deque(socket.create_connection(("127.0.0.1", port)) for _ in range(connections))
    for one in free:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    busy: dict[socket.socket, float] = {}
    started = time.perf_counter() + 0.01
    end = started + seconds + 10
    at = 0
    while at < count or busy:
        now = time.perf_counter()
        if now > end:
            found.failed += len(busy) + count - at
            break
        idle = bool(free)
        while at < count and free and (due := started + at / rate) <= now:
            connection = free.popleft()
            connection.sendall(sent)
            busy[connection] = due
            at += 1
            if idle:
                found.worst_send = max(found.worst_send, (now - due) * 1e3)
        # With every connection taken, only an answer helps.
        wait = started + at / rate - now if at < count and free else 0.5
        readable, _, _ = select.select(list(busy), [], [], max(0.0, wait))
        for connection in readable:
            _answered(connection, busy.pop(connection), found)
            free.append(connection)
    for connection in (*free, *busy):
        connection.close()
    return found


def _answered(connection: socket.socket, due: float, found: Load) -> None:
    """Answers are small: they come whole, or the rest is on its way."""
    data = connection.recv(65536)
    while data and not _whole(data):
        more = connection.recv(65536)
        data = data + more if more else b""
    found.latencies.append((time.perf_counter() - due) * 1e3)
    if not data.startswith(b"HTTP/1.1 200"):
        found.failed += 1


def _whole(data: bytes) -> bool:
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator:
        return False
    length = next(
        (line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), b"0"
    )
    return len(body) >= int(length)
