"""Following the trail: every line once, in order, whatever the writer does meanwhile."""

import threading
from pathlib import Path

import orjson
import pytest

from authz.stores.trail import Follower, Limits, Place, Trail
from authz.stores.trail.follow import encode_place, read_place
from authz.stores.trail.heads import read_heads
from tests.audit.samples import record, stranger_record
from tests.export.receivers import until


def _ids(follower: Follower, most: int = 1000) -> list[str]:
    return [orjson.loads(line.data)["id"] for line in follower.poll(most)]


def test_a_follower_sees_every_line_once_while_the_trail_grows(tmp_path: Path) -> None:
    """Segments end while it reads."""
    seen: list[str] = []
    follower = Follower(tmp_path, {}, piece=5000)

    def write() -> None:
        with Trail.open(tmp_path, limits=Limits(segment_bytes=6000)) as trail:
            for number in range(300):
                trail.append([record(number)])

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        seen += _ids(follower, 7)
    writer.join()
    while batch := _ids(follower, 7):
        seen += batch

    assert seen == [f"{number:012d}" for number in range(300)]
    assert follower.behind() == 0


def test_it_goes_on_from_a_place(tmp_path: Path) -> None:
    """A place is all that a restart needs."""
    with Trail.open(tmp_path, limits=Limits(segment_bytes=6000)) as trail:
        trail.append([record(number) for number in range(3)])
        first = Follower(tmp_path, {})
        assert len(_ids(first)) == 3
        trail.append([record(number) for number in range(3, 20)])

    place = tmp_path / "place.json"
    place.write_bytes(encode_place(first.places))
    assert _ids(Follower(tmp_path, read_place(place)))[0] == "000000000003"


def test_a_torn_end_is_passed_when_the_next_segment_is_there(tmp_path: Path) -> None:
    """Half a line must neither be shipped nor stop what comes after it."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(1)])
    with (tmp_path / "trail/chains/0/000001.jsonl").open("ab") as file:
        file.write(b'{"half":')
    follower = Follower(tmp_path, {})
    assert _ids(follower) == ["000000000001"]
    with Trail.open(tmp_path) as trail:
        trail.append([record(2)])

    assert _ids(follower) == ["000000000002"]


def test_every_chain_has_its_turn(tmp_path: Path) -> None:
    """A flood on one chain must not hold the others back."""
    with Trail.open(tmp_path, limits=Limits(strangers_rate=10_000)) as trail:
        trail.append([stranger_record(number) for number in range(100)])
        trail.append([record(number) for number in range(100)])

    chains = [line.chain for line in Follower(tmp_path, {}).poll(20)]
    assert chains.count("0") == chains.count("0-refused") == 10


def test_a_segment_that_was_dropped_is_passed(tmp_path: Path) -> None:
    """A sink that comes after the retention begins with what is left."""
    with Trail.open(tmp_path, limits=Limits(segment_bytes=3000)) as trail:
        for number in range(10):
            trail.append([record(number)])
    (tmp_path / "trail/chains/0/000001.jsonl").unlink()
    left = sorted((tmp_path / "trail/chains/0").glob("*.jsonl"))

    follower = Follower(tmp_path, {"0": Place(1, 500)})
    ids = [one for _ in range(20) for one in _ids(follower)]

    assert len(ids) == sum(len(path.read_bytes().splitlines()) for path in left)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"0": 1}', b'{"0": ["a", 1]}', b"no json"])
def test_a_place_that_cannot_be_read_is_the_beginning(tmp_path: Path, content: bytes) -> None:
    """Twice is allowed, never is not."""
    path = tmp_path / "place.json"
    path.write_bytes(content)

    assert read_place(path) == {}
    assert read_place(tmp_path / "none") == {}


def test_heads_are_records_that_can_be_kept_elsewhere(tmp_path: Path) -> None:
    """Each names its chain, its place and its hash; a chain without records has none."""
    with Trail.open(tmp_path) as trail:
        trail.append([record(1)])
        until(lambda: bool(read_heads(tmp_path)))

    heads = {name: orjson.loads(line) for name, line in read_heads(tmp_path).items()}
    assert heads.keys() == {"0"}
    assert heads["0"].items() >= {"kind": "head", "chain": "0", "seq": 1, "id": "head-0-1"}.items()
