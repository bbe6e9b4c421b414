"""Figures of the service, counted from the trail: for Prometheus to fetch and for OTLP to push."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from authz.export.ship import Shipper
from authz.export.sink import Item
from authz.stores.trail.layout import root_of

BUCKETS_US = (25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 1_000_000)
SERIES = 10_000
"""Most combinations that are told apart; those after them are counted as `other`."""

Key = tuple[str, str, str, str]
_OTHER: Key = ("other", "other", "other", "other")


@dataclass(slots=True)
class Figures:
    """What was counted so far; a sink like any other, so it goes on where it was."""

    name: str = "metrics"
    batch: int = 1000
    decisions: Counter[Key] = field(default_factory=Counter)
    """By persona, app, decision and first reason."""
    outcomes: Counter[str] = field(default_factory=Counter)
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_US) + 1))
    latency_sum: int = 0
    dropped: int = 0
    """Records that the retention dropped before every sink had confirmed them."""
    guard: threading.Lock = field(default_factory=threading.Lock)

    def deliver(self, items: Sequence[Item]) -> None:
        """Count a batch."""
        with self.guard:
            for item in items:
                self._count(item.record)

    def _count(self, record: Mapping[str, object]) -> None:
        event = record.get("event")
        many = event.get("count", 1) if isinstance(event, dict) and record.get("kind") == "folded" else 1
        if record.get("outcome"):
            self.outcomes[str(record.get("outcome"))] += many
            return
        if record.get("kind") not in {"decision", "folded"}:
            return
        persona, action, reasons = record.get("persona"), record.get("action"), record.get("reasons")
        key = (
            str(persona.get("name") or "") if isinstance(persona, dict) else "",
            str(action.get("app") or "") if isinstance(action, dict) else "",
            str(record.get("decision")),
            str(reasons[0]["code"]) if isinstance(reasons, list) and reasons else "",
        )
        if key not in self.decisions and len(self.decisions) >= SERIES:
            key = _OTHER
        self.decisions[key] += many
        latency = record.get("latency_us")
        if isinstance(latency, int):
            self.buckets[bisect_left(BUCKETS_US, latency)] += 1
            self.latency_sum += latency

    def close(self) -> None:
        """Nothing is held open."""


def trail_bytes(state: Path) -> int:
    """Bytes of all segments on this disk."""
    total = 0
    for path in (root_of(state) / "chains").glob("*/*.jsonl"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total


def exposition(figures: Figures, shippers: Sequence[Shipper], state: Path) -> str:
    """All figures in the text format that Prometheus reads."""
    lines: list[str] = []
    with figures.guard:
        _counter(
            lines,
            "personas_decisions_total",
            "Decisions.",
            (
                (_labels(persona=key[0], app=key[1], decision=key[2], reason=key[3]), count)
                for key, count in figures.decisions.items()
            ),
        )
        _counter(
            lines,
            "personas_outcomes_total",
            "How calls ended.",
            ((_labels(outcome=name), count) for name, count in figures.outcomes.items()),
        )
        _histogram(lines, figures)
        dropped = figures.dropped
    _counter(lines, "personas_trail_dropped_total", "Records dropped unconfirmed.", [("", dropped)])
    _gauge(lines, "personas_trail_bytes", "Bytes of the trail on disk.", [("", trail_bytes(state))])
    stand = [(_labels(sink=one.name), one) for one in shippers if one.name != figures.name]
    _gauge(
        lines,
        "personas_export_lag_bytes",
        "Bytes of the trail that a sink was not offered yet.",
        [(labels, one.behind()) for labels, one in stand],
    )
    _gauge(
        lines,
        "personas_export_up",
        "1 while a sink takes records.",
        [(labels, int(not one.progress.problem)) for labels, one in stand],
    )
    for name, text in (
        ("delivered", "Records that a sink confirmed."),
        ("retried", "Attempts that a sink did not take."),
        ("rejected", "Records that a sink refused for good."),
    ):
        _counter(
            lines,
            f"personas_export_{name}_total",
            text,
            [(labels, getattr(one.progress, name)) for labels, one in stand],
        )
    return "\n".join(lines) + "\n"


def _counter(lines: list[str], name: str, text: str, rows: Iterable[tuple[str, int]]) -> None:
    _family(lines, name, text, "counter", rows)


def _gauge(lines: list[str], name: str, text: str, rows: Iterable[tuple[str, int]]) -> None:
    _family(lines, name, text, "gauge", rows)


def _family(lines: list[str], name: str, text: str, kind: str, rows: Iterable[tuple[str, int]]) -> None:
    lines += (f"# HELP {name} {text}", f"# TYPE {name} {kind}")
    lines += (f"{name}{labels} {value}" for labels, value in rows)


def _histogram(lines: list[str], figures: Figures) -> None:
    name = "personas_decision_latency_seconds"
    lines += (f"# HELP {name} From the request to its decision.", f"# TYPE {name} histogram")
    total = 0
    for bound, count in zip(BUCKETS_US, figures.buckets, strict=False):
        total += count
        lines.append(f'{name}_bucket{{le="{bound / 1_000_000:g}"}} {total}')
    total += figures.buckets[-1]
    lines.append(f'{name}_bucket{{le="+Inf"}} {total}')
    lines += (f"{name}_sum {figures.latency_sum / 1_000_000:.6f}", f"{name}_count {total}")


def _labels(**labels: str) -> str:
    return "{" + ",".join(f'{name}="{value.translate(_ESCAPED)}"' for name, value in labels.items()) + "}"


_ESCAPED = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n"})


def serve_metrics(
    address: tuple[str, int], figures: Figures, shippers: Sequence[Shipper], state: Path
) -> ThreadingHTTPServer:
    """Answer `GET /metrics` in a thread of its own; the caller shuts it down.

    Raises:
        OSError: the address can't be listened on.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Answer one request."""
            found = self.path.partition("?")[0] == "/metrics"
            body = exposition(figures, shippers, state).encode() if found else b"only /metrics is here\n"
            self.send_response(200 if found else 404)
            self.send_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Fetches are no news."""

    server = ThreadingHTTPServer(address, Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server
