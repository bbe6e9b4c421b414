"""What a sink has not confirmed stays, unless the disk's cap says otherwise, loudly."""

import threading
from pathlib import Path

import pytest

from authz.audit import event_record
from authz.export import run
from authz.export.file import File
from authz.export.retention import retain
from authz.export.settings import Keep
from authz.stores.trail import Limits, Place, Trail, note_event, read_records, verify
from tests.audit.samples import AT, record
from tests.export.receivers import until


def _trail(state: Path) -> int:
    with Trail.open(state, limits=Limits(segment_bytes=8000)) as trail:
        for number in range(1, 61):
            trail.append([record(number)])
    return len(list((state / "trail/chains/0").glob("*.jsonl")))


def _kept(state: Path) -> list[str]:
    return sorted(path.name for path in (state / "trail/chains/0").glob("*.jsonl"))


def test_confirmed_segments_are_dropped_and_the_rest_verifies(tmp_path: Path) -> None:
    """The trail on this disk stays bounded and provable."""
    count = _trail(tmp_path)

    lost = retain(tmp_path, Keep(bytes=40_000), [{"0": Place(count, 10)}])

    assert lost == 0
    assert len(_kept(tmp_path)) < count
    verdict = verify(tmp_path)
    assert verdict.sound
    assert verdict.chains[0].last == 60


def test_what_one_sink_has_not_confirmed_stays(tmp_path: Path) -> None:
    """The slowest sink decides; one that never came to this chain holds all of it."""
    count = _trail(tmp_path)

    retain(tmp_path, Keep(bytes=1), [{"0": Place(count, 0)}, {"0": Place(2, 0)}])
    assert _kept(tmp_path)[0] == "000002.jsonl"
    retain(tmp_path, Keep(bytes=1), [{}])
    assert _kept(tmp_path)[0] == "000002.jsonl"


def test_above_the_cap_the_oldest_go_and_are_counted(tmp_path: Path) -> None:
    """A full disk would stop every agent: the operator chose to lose the oldest instead."""
    _trail(tmp_path)

    lost = retain(tmp_path, Keep(bytes=1, cap_bytes=40_000), [{}])

    assert lost == min(int(str(one["seq"])) for one in read_records(tmp_path)) - 1
    assert verify(tmp_path).sound


def test_the_segment_that_is_written_to_always_stays(tmp_path: Path) -> None:
    """Whatever the limits say."""
    _trail(tmp_path)
    with Trail.open(tmp_path) as trail:
        retain(tmp_path, Keep(bytes=1, cap_bytes=1), [])
        trail.append([record(61)])

    assert verify(tmp_path).sound
    assert [one["id"] for one in read_records(tmp_path)][-1] == "000000000061"


def test_events_are_never_dropped(tmp_path: Path) -> None:
    """Who issued a key matters for longer than any call."""
    _trail(tmp_path)
    note_event(tmp_path, event_record("e1", AT, "key.issued", {}))

    retain(tmp_path, Keep(bytes=1, cap_bytes=1), [])

    assert any(one["id"] == "e1" for one in read_records(tmp_path))


def test_what_is_dropped_unconfirmed_is_alarmed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Counted, logged as an error, and noted in the trail itself."""
    _trail(tmp_path)
    stop = threading.Event()
    exporter = threading.Thread(
        target=run,
        args=(tmp_path, [File(Path("/proc/nowhere/file"))], stop),
        kwargs={
            "keep": Keep(bytes=1, cap_bytes=40_000),
            "every": 0.05,
            "noting": lambda what, count: event_record("n1", AT, what, {"count": count}),
        },
    )
    exporter.start()
    until(lambda: any(one.get("id") == "n1" for one in read_records(tmp_path)))
    stop.set()
    exporter.join(20)

    note = next(one for one in read_records(tmp_path) if one["id"] == "n1")
    assert note["event"] == {
        "what": "trail.dropped",
        "count": min(int(str(one["seq"])) for one in read_records(tmp_path) if one["chain"] == "0") - 1,
    }
    assert any("dropped" in one.message and one.levelname == "ERROR" for one in caplog.records)
