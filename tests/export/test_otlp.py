"""Decisions arrive at a real OTLP/gRPC receiver as spans of the caller's trace."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from authz.audit import Entry, event_record, outcome_record
from authz.core.decision import Deny, Objection
from authz.core.reason import Reason
from authz.export import Shipper, argv
from authz.export.otlp import OtlpGrpc
from authz.stores.trail import Trail, note_event
from tests.audit.samples import AT, DENY, record
from tests.export.receivers import attributes, otlp_receiver, until


@contextmanager
def exporter(state: Path, endpoint: str) -> Iterator[subprocess.Popen[bytes]]:
    """The exporter as `serve` starts it."""
    process = subprocess.Popen(argv(state, otlp=endpoint), stdin=subprocess.PIPE)
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait(20)


def test_every_decision_becomes_a_span_of_envoys_trace(tmp_path: Path) -> None:
    """The trace of a call must show the decision about it, with the ids and times that were recorded."""
    trail = Trail.open(tmp_path)
    trail.append([record(1), record(2, DENY)])

    with otlp_receiver() as receiver, exporter(tmp_path, receiver.endpoint):
        until(lambda: len(receiver.spans) == 2)
    trail.close()

    allowed, denied = sorted(receiver.spans, key=lambda span: span.start_time_unix_nano)
    start = int(AT.timestamp()) * 10**9 + 124_456_000
    assert allowed.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert allowed.parent_span_id.hex() == "b7ad6b7169203331"
    assert allowed.span_id.hex() == record(1)["trace"]["span_id"]  # type: ignore[index]  # it is a dict
    assert (allowed.start_time_unix_nano, allowed.end_time_unix_nano) == (start, start + 250_000)
    assert allowed.name == "tools/call adjust_balance"
    assert allowed.kind == Span.SPAN_KIND_SERVER
    found = attributes(denied)
    assert (
        found.items()
        >= {
            "mcp.method.name": "tools/call",
            "gen_ai.tool.name": "adjust_balance",
            "gen_ai.agent.id": "support-summarizer",
            "user.id": "alice@example.com",
            "persona.name": "support-summarizer",
            "persona.decision": "deny",
            "persona.decision.id": "000000000002",
            "persona.latency_us": 250,
        }.items()
    )
    assert found["persona.reasons"] == ["tool.not-granted"]


def test_a_deny_leaves_the_status_unset_and_a_failure_of_ours_is_an_error(tmp_path: Path) -> None:
    """A refusal is an answer: alarms on errors must mean that we are broken."""
    ours = Deny((Objection(Reason.INTERNAL_STORE, "the store is away"),))
    with Trail.open(tmp_path) as trail:
        trail.append([record(1, DENY), record(2, ours)])

    with otlp_receiver() as receiver, exporter(tmp_path, receiver.endpoint):
        until(lambda: len(receiver.spans) == 2)

    denied, broken = sorted(receiver.spans, key=lambda span: span.start_time_unix_nano)
    assert denied.status.code == Status.STATUS_CODE_UNSET
    assert broken.status.code == Status.STATUS_CODE_ERROR


def test_an_outcome_is_a_child_of_its_decision(tmp_path: Path) -> None:
    """What became of a call belongs beside the decision that let it through."""
    entry = Entry(
        decision="000000000001", at=AT, status=200, duration_us=1500, upstream="10.0.0.9:80", protocol="mcp"
    )
    with Trail.open(tmp_path) as trail:
        trail.append([record(1), outcome_record(entry, "o1", AT)])

    with otlp_receiver() as receiver, exporter(tmp_path, receiver.endpoint):
        until(lambda: len(receiver.spans) == 2)

    decision, outcome = receiver.spans
    assert outcome.parent_span_id == decision.span_id
    assert outcome.trace_id == decision.trace_id
    assert outcome.end_time_unix_nano - outcome.start_time_unix_nano == 1_500_000
    assert attributes(outcome)["persona.outcome"] == "ok"


def test_events_are_no_spans(tmp_path: Path) -> None:
    """Keys and definitions belong to no trace; sinks for logs get them."""
    note_event(tmp_path, event_record("e1", AT, "definitions.loaded", {"digest": "sha256:00"}))
    with Trail.open(tmp_path) as trail:
        trail.append([record(1)])

    with otlp_receiver() as receiver, exporter(tmp_path, receiver.endpoint):
        until(lambda: len(receiver.spans) == 1)

    assert len(receiver.spans) == 1


def test_the_exporter_goes_on_where_it_was(tmp_path: Path) -> None:
    """A restart must neither lose nor repeat what was confirmed."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(number) for number in range(1, 4)])
    with otlp_receiver() as first, exporter(tmp_path, first.endpoint):
        until(lambda: len(first.spans) == 3)

    with Trail.open(tmp_path) as trail:
        trail.append([record(4)])
    with otlp_receiver() as second, exporter(tmp_path, second.endpoint):
        until(lambda: len(second.spans) == 1)

    assert [attributes(span)["persona.decision.id"] for span in second.spans] == ["000000000004"]


@pytest.mark.parametrize("refusals", [1, 3])
def test_a_receiver_that_is_unavailable_gets_everything_later(tmp_path: Path, refusals: int) -> None:
    """A collector that is down loses nothing."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(number) for number in range(1, 6)])

    with otlp_receiver() as receiver:
        receiver.refusals = refusals
        shipper = Shipper(tmp_path, OtlpGrpc(receiver.endpoint, timeout=0.5))
        shipper.start()
        until(lambda: len(receiver.spans) == 5)
        shipper.stop()
        assert shipper.join(10)

    assert {span.span_id for span in receiver.spans} == {
        bytes.fromhex(record(number)["trace"]["span_id"])  # type: ignore[index]  # it is a dict
        for number in range(1, 6)
    }


def test_headers_and_resource_reach_the_receiver(tmp_path: Path) -> None:
    """Hosted back ends authenticate by header and sort by `service.name`."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(1)])

    with otlp_receiver() as receiver:
        sink = OtlpGrpc(
            receiver.endpoint, headers={"x-team": "red"}, resource={"service.name": "authz-eu", "replicas": 2}
        )
        shipper = Shipper(tmp_path, sink)
        shipper.start()
        until(lambda: bool(receiver.requests))
        shipper.stop()
        assert shipper.join(10)

    assert receiver.metadata[0]["x-team"] == "red"
    resource = receiver.requests[0].resource_spans[0].resource
    assert {one.key: one.value.string_value or one.value.int_value for one in resource.attributes} == {
        "service.name": "authz-eu",
        "replicas": 2,
    }


def test_the_exporter_ends_with_the_service_that_started_it(tmp_path: Path) -> None:
    """A service killed with -9 must leave no exporter behind."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(1)])
    with otlp_receiver() as receiver:
        script = (
            "import subprocess, sys, os\n"
            "from pathlib import Path\n"
            "from authz.export import argv\n"
            f"child = subprocess.Popen(argv(Path({str(tmp_path)!r}), otlp={receiver.endpoint!r}),"
            " stdin=subprocess.PIPE)\n"
            "print(child.pid, flush=True)\n"
            "sys.stdin.read()\n"
        )
        service = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert service.stdout is not None
        child = int(service.stdout.readline())
        until(lambda: len(receiver.spans) == 1)
        service.kill()
        service.communicate()
        until(lambda: not _runs(child))


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def test_the_place_is_kept_as_plain_json(tmp_path: Path) -> None:
    """Operators look at how far a sink is."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(1)])
    with otlp_receiver() as receiver, exporter(tmp_path, receiver.endpoint):
        until(lambda: len(receiver.spans) == 1)

    place = orjson.loads((tmp_path / "export" / "otlp.json").read_bytes())
    size = (tmp_path / "trail/chains/0/000001.jsonl").stat().st_size
    assert place["0"] == [1, size]
