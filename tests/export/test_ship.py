"""Shipping survives receivers that fail in every way: nothing is lost, one sink does not hold another."""

from pathlib import Path

import orjson
import pytest

from authz.export import Shipper
from authz.export.ship import Progress
from authz.export.webhook import Webhook
from authz.stores.trail import Limits, Trail
from tests.audit.samples import record
from tests.export.http_receivers import Answer, HttpReceiver, Post, http_receiver
from tests.export.receivers import until

ALL = {f"{number:012d}" for number in range(1, 31)}


def _trail(state: Path, count: int = 30) -> None:
    with Trail.open(state, limits=Limits(segment_bytes=8000)) as trail:
        trail.append([record(number) for number in range(1, count + 1)])


def _ids(receiver: HttpReceiver) -> list[str]:
    return [
        one["id"] for post in list(receiver.taken) for one in orjson.loads(post.body) if one["kind"] != "head"
    ]


def _run(state: Path, receiver: HttpReceiver, timeout: float = 0.5) -> Progress:
    shipper = Shipper(state, Webhook(receiver.url, timeout=timeout))
    shipper.start()
    until(lambda: set(_ids(receiver)) == ALL)
    shipper.stop()
    assert shipper.join(10)
    return shipper.progress


@pytest.mark.parametrize(
    "fault",
    [
        Answer(500),
        Answer(503, headers={"retry-after": "0"}),
        Answer(429, headers={"retry-after": "1"}),
        Answer(401),
        Answer(404),
        Answer(200, b"half", fault="drop"),
        Answer(fault="hang"),
    ],
    ids=["500", "503", "429", "401", "404", "drop", "hang"],
)
def test_a_receiver_that_fails_gets_everything_later(tmp_path: Path, fault: Answer) -> None:
    """What was not confirmed is sent again, until it is."""
    _trail(tmp_path)
    faults = iter([fault, fault])

    with http_receiver(lambda _: next(faults, Answer())) as receiver:
        progress = _run(tmp_path, receiver)

    assert set(_ids(receiver)) == ALL
    assert progress.retried == 2
    assert progress.delivered >= len(ALL)
    assert progress.problem == ""


def test_a_record_that_a_receiver_never_takes_does_not_stop_the_others(tmp_path: Path) -> None:
    """A batch that is refused for good is halved until the one bad record is found."""
    _trail(tmp_path)

    def answer(post: Post) -> Answer:
        return Answer(400) if b'"000000000013"' in post.body else Answer()

    with http_receiver(answer) as receiver:
        shipper = Shipper(tmp_path, Webhook(receiver.url))
        shipper.start()
        until(lambda: set(_ids(receiver)) == ALL - {"000000000013"})
        shipper.stop()
        assert shipper.join(10)

    assert shipper.progress.rejected == 1


def test_one_slow_sink_does_not_hold_the_others(tmp_path: Path) -> None:
    """Each has its thread, its place and its back-off."""
    _trail(tmp_path)
    with (
        http_receiver(lambda _: Answer(fault="hang")) as stuck,
        http_receiver() as well,
    ):
        slow = Shipper(tmp_path, Webhook(stuck.url, name="slow", timeout=20))
        fast = Shipper(tmp_path, Webhook(well.url, name="fast"))
        slow.start()
        fast.start()
        until(lambda: set(_ids(well)) == ALL, 5)
        assert slow.progress.delivered == 0
        for shipper in (slow, fast):
            shipper.stop()
        stuck.release.set()
        assert fast.join(5)
        assert slow.join(25)


def test_each_sink_has_its_own_place(tmp_path: Path) -> None:
    """A sink that is added later gets the whole trail; the others go on where they were."""
    _trail(tmp_path)
    with http_receiver() as first:
        _run(tmp_path, first)
    with http_receiver() as second:
        shipper = Shipper(tmp_path, Webhook(second.url, name="second"))
        shipper.start()
        until(lambda: set(_ids(second)) == ALL)
        shipper.stop()
        assert shipper.join(10)

    assert len(_ids(first)) == len(_ids(second)) == 30


def test_what_is_sent_twice_has_equal_ids(tmp_path: Path) -> None:
    """At least once: the receiver sorts duplicates out by id and hash."""
    _trail(tmp_path)
    with http_receiver() as receiver:
        _run(tmp_path, receiver)
        (tmp_path / "export/webhook.json").unlink()
        shipper = Shipper(tmp_path, Webhook(receiver.url))
        shipper.start()
        until(lambda: len(_ids(receiver)) == 60)
        shipper.stop()
        assert shipper.join(10)

    seen: dict[str, bytes] = {}
    for post in receiver.taken:
        for one in orjson.loads(post.body):
            if one["kind"] != "head":
                line = orjson.dumps(one)
                assert seen.setdefault(one["id"], line) == line


def test_what_waits_is_on_disk_not_in_memory(tmp_path: Path) -> None:
    """A sink may be away for hours at full load."""
    _trail(tmp_path, 20_000)
    with http_receiver(lambda _: Answer(503)) as receiver:
        shipper = Shipper(tmp_path, Webhook(receiver.url))
        shipper.start()
        until(lambda: shipper.progress.retried >= 2)
        behind = shipper.behind()
        shipper.stop()
        assert shipper.join(10)

    size = sum(path.stat().st_size for path in (tmp_path / "trail/chains/0").glob("*.jsonl"))
    assert behind > size * 0.9
    assert all(len(orjson.loads(post.body)) <= 210 for post in receiver.posts)


def test_a_place_that_cannot_be_read_begins_anew(tmp_path: Path) -> None:
    """Twice is allowed, never is not."""
    _trail(tmp_path)
    (tmp_path / "export").mkdir()
    (tmp_path / "export/webhook.json").write_bytes(b'{"0": "broken"}')
    with http_receiver() as receiver:
        _run(tmp_path, receiver)

    assert set(_ids(receiver)) == ALL
