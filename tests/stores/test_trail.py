"""The trail of a worker: whole batches, chains that go on, strangers on a chain of their own."""

import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from authz.audit import Digester, Entry, event_record, outcome_record
from authz.stores.trail import (
    Limits,
    Sync,
    Trail,
    TrailError,
    note_event,
    open_digester,
    read_records,
    verify,
)
from tests.audit.samples import AT, record, stranger_record
from tests.export.receivers import until


def _ids(state: Path) -> list[object]:
    return [one["id"] for one in read_records(state)]


def test_what_is_appended_can_be_read_at_once(tmp_path: Path) -> None:
    """An answer leaves only after its record is with the operating system."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(1), record(2)])

        assert _ids(tmp_path) == ["000000000001", "000000000002"]


def test_a_batch_is_one_write(tmp_path: Path) -> None:
    """Group commit: the records of concurrent calls share the cost of the system call."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(0)])
        before = _written()
        trail.append([record(number) for number in range(1, 65)])
        after = _written()

    assert after - before <= 4  # the batch, and what the thread that signs heads may write meanwhile


def _written() -> int:
    """Write calls of this process so far."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("syscw")).split()[1])


def test_the_chain_goes_on_after_reopening(tmp_path: Path) -> None:
    """A restart must not look like a gap."""
    for number in range(1, 4):
        with Trail.open(tmp_path) as trail:
            trail.append([record(number)])

    assert [one["seq"] for one in read_records(tmp_path)] == [1, 2, 3]
    assert verify(tmp_path).sound


def test_a_second_service_on_the_same_state_is_refused(tmp_path: Path) -> None:
    """Two writers would break the chain and each other's counts."""
    with Trail.open(tmp_path), pytest.raises(TrailError, match="another service"):
        Trail.open(tmp_path)

    Trail.open(tmp_path).close()


def test_workers_have_chains_of_their_own(tmp_path: Path) -> None:
    """Workers must not wait for each other; readers see one trail by time."""
    with Trail.open(tmp_path, worker="0") as first, Trail.open(tmp_path, worker="1") as second:
        first.append([record(1), record(3)])
        second.append([record(2)])

    assert _ids(tmp_path) == ["000000000001", "000000000002", "000000000003"]
    assert verify(tmp_path).sound


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".", "x" * 65])
def test_a_worker_name_that_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    """It becomes a folder."""
    with pytest.raises(TrailError):
        Trail.open(tmp_path, worker=name)


@pytest.mark.parametrize("torn", [b"", b"{", b'{"kind":"decision","id":"x"'])
def test_a_torn_last_line_is_no_error_and_the_chain_goes_on(tmp_path: Path, torn: bytes) -> None:
    """A crash in the middle of a write leaves half a line: it was never answered for."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(1)])
    segment = tmp_path / "trail/chains/0/000001.jsonl"
    with segment.open("ab") as file:
        file.write(torn)

    with Trail.open(tmp_path) as trail:
        trail.append([record(2)])

    verdict = verify(tmp_path)
    assert verdict.sound
    assert _ids(tmp_path) == ["000000000001", "000000000002"]
    notes = [note for chain in verdict.chains for note in chain.notes]
    assert bool(notes) == bool(torn)


def test_full_segments_are_sealed_and_followed_by_the_next(tmp_path: Path) -> None:
    """Segments are what is shipped, kept and dropped."""
    with Trail.open(tmp_path, limits=Limits(segment_bytes=4000)) as trail:
        for number in range(1, 20):
            trail.append([record(number)])

    folder = tmp_path / "trail/chains/0"
    segments, seals = sorted(folder.glob("*.jsonl")), sorted(folder.glob("*.seal"))
    assert len(segments) > 3
    assert [path.stem for path in seals] == [path.stem for path in segments[:-1]]
    assert verify(tmp_path).sound
    assert len(_ids(tmp_path)) == 19


def test_a_segment_ends_at_its_age(tmp_path: Path) -> None:
    """A quiet service must not hold a segment open for ever."""
    limits = Limits(segment_seconds=0.05, sync_seconds=0.01)
    with Trail.open(tmp_path, limits=limits) as trail:
        trail.append([record(1)])
        until((tmp_path / "trail/chains/0/000001.seal").exists)
        trail.append([record(2)])

    assert verify(tmp_path).sound


def test_a_disk_that_is_full_refuses_and_recovers(tmp_path: Path) -> None:
    """What cannot be recorded is refused, the health check says so, and no half batch stays behind."""
    script = f"""
import resource, signal, sys
from pathlib import Path
from authz.stores.trail import Trail, TrailError
from tests.audit.samples import record
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
trail = Trail.open(Path({str(tmp_path)!r}))
trail.append([record(1)])
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, resource.RLIM_INFINITY))
try:
    trail.append([record(number) for number in range(2, 9)])
except TrailError:
    print("refused", bool(trail.problem))
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
trail.append([record(9)])
print("recovered", not trail.problem)
trail.close()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["refused", "True", "recovered", "True"]
    assert _ids(tmp_path) == ["000000000001", "000000000009"]
    assert verify(tmp_path).sound


def test_a_folder_that_cannot_be_written_is_one_clear_error() -> None:
    """Permission lost, or a file system that takes nothing: true for root as well."""
    with pytest.raises(TrailError, match="/proc/state"):
        Trail.open(Path("/proc/state"))


def test_a_path_that_is_a_file_is_one_clear_error(tmp_path: Path) -> None:
    """The operator gave the wrong path."""
    (tmp_path / "state").write_text("")
    with pytest.raises(TrailError, match="state"):
        Trail.open(tmp_path / "state")


@pytest.mark.parametrize("sync", list(Sync))
def test_every_policy_leaves_a_sound_trail(tmp_path: Path, sync: Sync) -> None:
    """They differ in what a power cut may take, in nothing else."""
    with Trail.open(tmp_path, sync=sync, limits=Limits(sync_seconds=0.01)) as trail:
        for number in range(1, 30):
            trail.append([record(number)])

    assert verify(tmp_path).records == 29
    assert verify(tmp_path).sound


def test_the_head_follows_within_a_moment(tmp_path: Path) -> None:
    """Only what a head reaches can't be cut off unseen."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(1), record(2)])
        head = tmp_path / "trail/heads/0.json"
        until(lambda: orjson.loads(head.read_bytes())["seq"] == 2)


def test_strangers_have_a_chain_of_their_own(tmp_path: Path) -> None:
    """Whoever has no key must not fill the segments of those who do."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(1), stranger_record(2), record(3)])

    chains = {one["id"]: one["chain"] for one in read_records(tmp_path)}
    assert chains == {"000000000001": "0", "x00000000002": "0-refused", "000000000003": "0"}


def test_a_flood_becomes_counted_records(tmp_path: Path) -> None:
    """Above a rate per source, one record a second says how many there were; no refusal is uncounted."""
    limits = Limits(strangers_rate=5)
    with Trail.open(tmp_path, limits=limits) as trail:
        for number in range(1000):
            at = AT + timedelta(milliseconds=number * 2)
            trail.append([stranger_record(number, at=at)])
        trail.append([stranger_record(2000, "198.51.100.1", at=AT + timedelta(seconds=1.99))])

    records = list(read_records(tmp_path))
    single = [one for one in records if one["kind"] == "decision"]
    folded = [one for one in records if one["kind"] == "folded"]
    assert len(single) <= 5 * 3 + 1
    assert sum(one["event"]["count"] for one in folded) + len(single) == 1001  # type: ignore[index]
    assert any(one["source"] == {"address": "198.51.100.1", "principal": None} for one in single)
    assert all(one["event"]["codes"].keys() == {"credential.missing"} for one in folded)  # type: ignore[index]


def test_the_chain_of_strangers_is_capped(tmp_path: Path) -> None:
    """A flood of 401 never fills the disk of the others; what was dropped is signed away."""
    cap = 64_000
    limits = Limits(strangers_bytes=cap, strangers_rate=10_000)
    with Trail.open(tmp_path, limits=limits) as trail:
        trail.append([record(1)])
        for number in range(300):
            trail.append([stranger_record(number, f"10.0.{number % 7}.{number}")])

    folder = tmp_path / "trail/chains/0-refused"
    assert sum(path.stat().st_size for path in folder.glob("*.jsonl")) <= cap * 1.2
    verdict = verify(tmp_path)
    assert verdict.sound
    assert any("dropped by the retention" in note for chain in verdict.chains for note in chain.notes)
    assert "000000000001" in _ids(tmp_path)


def test_counts_of_a_flood_that_stopped_are_written_all_the_same(tmp_path: Path) -> None:
    """The last second must not wait for a request that never comes."""
    with Trail.open(tmp_path, limits=Limits(strangers_rate=1, sync_seconds=0.01)) as trail:
        trail.append([stranger_record(number) for number in range(10)])
        until(lambda: any(one["kind"] == "folded" for one in read_records(tmp_path)))


def test_events_are_noted_by_any_process(tmp_path: Path) -> None:
    """The command line issues keys while the service runs."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(1)])
        threads = [
            threading.Thread(
                target=note_event, args=(tmp_path, event_record(f"e{number}", AT, "key.issued", {}))
            )
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    events = [one for one in read_records(tmp_path) if one["chain"] == "events"]
    assert [one["seq"] for one in events] == list(range(1, 9))
    assert {one["id"] for one in events} == {f"e{number}" for number in range(8)}
    assert verify(tmp_path).sound


def test_a_clock_that_steps_back_breaks_nothing(tmp_path: Path) -> None:
    """Order is the sequence number's; time is what the clock said."""
    with Trail.open(tmp_path) as trail:
        for number in (5, 1, 3):
            trail.append([record(number)])

    assert verify(tmp_path).sound
    assert len(_ids(tmp_path)) == 3


def test_a_number_that_no_json_writer_likes_is_recorded(tmp_path: Path) -> None:
    """An agent may send integers beyond 64 bits: that is no reason to lose the record."""
    odd = record(1)
    odd["hints"] = {"n": 2**80}
    with Trail.open(tmp_path) as trail:
        trail.append([odd])

    assert len(_ids(tmp_path)) == 1
    assert verify(tmp_path).sound


def test_a_record_beyond_all_measure_is_refused(tmp_path: Path) -> None:
    """The end of a chain is found by reading back a bounded number of bytes."""
    huge = record(1)
    huge["notes"] = ["x" * 600_000]
    with Trail.open(tmp_path) as trail, pytest.raises(TrailError, match="bytes"):
        trail.append([huge])


def test_the_digest_key_is_made_once_and_kept_secret(tmp_path: Path) -> None:
    """Equal arguments must match after a restart; nobody else may guess them."""
    first = open_digester(tmp_path)

    assert open_digester(tmp_path) == first
    assert first != Digester(b"\0" * 32)
    assert (tmp_path / "trail/digest.key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "trail").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("times", [5, pytest.param(50, marks=pytest.mark.long)], ids=["few", "many"])
def test_a_writer_killed_at_any_moment_loses_nothing_it_acknowledged(tmp_path: Path, times: int) -> None:
    """`kill -9` of the process: what `append` returned for is on the trail, and the chain verifies."""
    script = f"""
import sys
from pathlib import Path
from authz.stores.trail import Trail
from tests.audit.samples import record
trail = Trail.open(Path({str(tmp_path)!r}))
number = int(sys.argv[1])
while True:
    batch = [record(number + step) for step in range(7)]
    trail.append(batch)
    number += 7
    sys.stdout.write(f"{{number}}\\n")
    sys.stdout.flush()
"""
    acknowledged = 0
    for round_ in range(times):
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(acknowledged)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        for _ in range(1 + 13 * (round_ % 5)):
            acknowledged = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
        whole = [line for line in rest.split("\n")[:-1] if line]
        acknowledged = int(whole[-1]) if whole else acknowledged

        verdict = verify(tmp_path)
        assert verdict.sound, verdict.problems
    seen = {int(str(one["id"])) for one in read_records(tmp_path)}
    assert seen >= set(range(acknowledged))


@pytest.mark.parametrize(
    ("entry", "chain"),
    [
        (Entry(decision=None, at=AT, status=404), "0-refused"),
        (Entry(decision="d1", at=AT, status=401, denied=True), "0-refused"),
        (Entry(decision="d1", at=AT, status=200, upstream="10.0.0.9:80"), "0"),
        (Entry(decision="d1", at=AT, status=403, upstream="10.0.0.9:80"), "0"),
        (Entry(decision="d1", at=AT, status=503), "0"),
    ],
    ids=["unseen", "refused-by-us", "ok", "refused-by-the-app", "not-forwarded"],
)
def test_outcomes_that_anyone_can_cause_are_with_the_strangers(
    tmp_path: Path, entry: Entry, chain: str
) -> None:
    """A flood of 401 is a flood of outcomes too."""
    with Trail.open(tmp_path) as trail:
        trail.append([outcome_record(entry, "o1", AT)])

    assert [one["chain"] for one in read_records(tmp_path)] == [chain]


def test_a_flood_of_unseen_requests_is_counted(tmp_path: Path) -> None:
    """Envoy's own 400s cost an attacker nothing."""
    unseen = Entry(decision=None, at=AT, status=400)
    with Trail.open(tmp_path, limits=Limits(strangers_rate=5)) as trail:
        trail.append([outcome_record(unseen, f"o{number}", AT) for number in range(100)])

    records = list(read_records(tmp_path))
    assert len(records) == 6
    assert records[-1]["event"]["count"] == 95  # type: ignore[index]  # it is a dict
