"""The clock steps back an hour in the middle of the work."""

from datetime import timedelta
from pathlib import Path

import orjson

from authz.export import Shipper
from authz.export.file import File
from authz.stores.trail import Limits, Trail, read_records, verify
from tests.audit.samples import AT, record, stranger_record
from tests.export.receivers import until


def test_a_clock_that_steps_back_loses_and_breaks_nothing(tmp_path: Path) -> None:
    """Order is the sequence's; time is what the clock said. Floods are still counted to the last one."""
    state, copy = tmp_path / "state", tmp_path / "copy.jsonl"
    steps = [*range(20), *(number - 3_600_000 for number in range(20))]
    with Trail.open(state, limits=Limits(segment_bytes=8000, strangers_rate=3)) as trail:
        for index, step in enumerate(steps):
            at = AT + timedelta(milliseconds=step)
            trail.append([record(index) | {"at": f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"}])
            trail.append([stranger_record(index, at=at)])

    assert verify(state).sound
    shipper = Shipper(state, File(copy))
    shipper.start()
    until(lambda: shipper.progress.delivered > 0 and shipper.behind() == 0)
    shipper.stop()
    assert shipper.join(10)
    shipped = [orjson.loads(line) for line in copy.read_bytes().splitlines()]
    assert [one["id"] for one in shipped if one.get("chain") == "0" and one["kind"] == "decision"] == [
        f"{index:012d}" for index in range(len(steps))
    ]
    strangers = [one for one in read_records(state) if one["chain"] == "0-refused"]
    counted = [one["event"]["count"] for one in strangers if one["kind"] == "folded"]  # type: ignore[index]
    assert sum(counted) + sum(one["kind"] == "decision" for one in strangers) == len(steps)
