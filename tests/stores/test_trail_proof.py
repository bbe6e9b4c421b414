"""`verify` finds every kind of tampering, names the place, and says how far it can vouch."""

import shutil
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from authz.audit import GENESIS, Mark, Sealer, event_record, link
from authz.stores.trail import Limits, Trail, TrailError, note_event, verify
from authz.stores.trail.proof import read_anchors
from tests.audit.samples import AT, DENY, record

CHAIN = "trail/chains/0"


def _made(state: Path, seal_key: Path | None = None) -> Path:
    """A trail of 30 records in several segments, and one event."""
    with Trail.open(state, limits=Limits(segment_bytes=8000), seal_key=seal_key) as trail:
        for number in range(1, 31):
            trail.append([record(number, DENY)])
    note_event(state, event_record("e1", AT, "definitions.loaded", {}), seal_key=seal_key)
    return state


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def _edit(path: Path, change: Callable[[list[bytes]], list[bytes]]) -> None:
    path.write_bytes(b"".join(change(_lines(path))))


def _digit(state: Path) -> None:
    """One digit, still valid JSON."""
    path = state / CHAIN / "000002.jsonl"

    def change(lines: list[bytes]) -> list[bytes]:
        lines[1] = lines[1].replace(b'"latency_us":250', b'"latency_us":251')
        assert orjson.loads(lines[1])["latency_us"] == 251
        return lines

    _edit(path, change)


def _rehashed(state: Path) -> None:
    """A decision is changed and its own hash made anew."""
    path = state / CHAIN / "000002.jsonl"

    def change(lines: list[bytes]) -> list[bytes]:
        value = orjson.loads(lines[2])
        before = Mark("0", value["seq"] - 1, value["prev"])
        body = lines[2][: lines[2].index(b',"chain":')] + b"}"
        body = body.replace(b'"decision":"deny"', b'"decision":"allow"')
        lines[2] = link([body], before)[0]
        return lines

    _edit(path, change)


def _line_gone(state: Path) -> None:
    _edit(state / CHAIN / "000002.jsonl", lambda lines: [*lines[:2], *lines[3:]])


def _swapped(state: Path) -> None:
    _edit(state / CHAIN / "000002.jsonl", lambda lines: [lines[0], lines[2], lines[1], *lines[3:]])


def _repeated(state: Path) -> None:
    _edit(state / CHAIN / "000002.jsonl", lambda lines: [*lines[:2], lines[1], *lines[2:]])


def _inserted(state: Path) -> None:
    """A line of one's own, without a hash."""
    _edit(state / CHAIN / "000002.jsonl", lambda lines: [*lines[:2], b'{"id":"mine"}\n', *lines[2:]])


def _foreign(state: Path) -> None:
    """A true record of another chain."""
    event = _lines(state / "trail/chains/events/000001.jsonl")[0]
    _edit(state / CHAIN / "000002.jsonl", lambda lines: [*lines[:2], event, *lines[2:]])


def _end_cut(state: Path) -> None:
    """The last records go."""
    last = max((state / CHAIN).glob("*.jsonl"))
    _edit(last, lambda lines: lines[:-1])


def _segment_gone(state: Path) -> None:
    (state / CHAIN / "000002.jsonl").unlink()


def _first_segment_gone(state: Path) -> None:
    (state / CHAIN / "000001.jsonl").unlink()
    (state / CHAIN / "000001.seal").unlink()


def _segment_and_seal_gone_at_the_end(state: Path) -> None:
    last = max((state / CHAIN).glob("*.jsonl"))
    last.unlink()


def _chain_gone(state: Path) -> None:
    shutil.rmtree(state / CHAIN)


def _head_gone(state: Path) -> None:
    (state / "trail/heads/0.json").unlink()


def _head_forged(state: Path) -> None:
    """A head by another key, for a chain whose end was cut."""
    _end_cut(state)
    last = orjson.loads(_lines(max((state / CHAIN).glob("*.jsonl")))[-1])
    forger = Sealer(Ed25519PrivateKey.from_private_bytes(b"f" * 32))
    mark = Mark("0", last["seq"], last["hash"])
    (state / "trail/heads/0.json").write_bytes(forger.seal(mark, "head"))


def _seal_gone(state: Path) -> None:
    (state / CHAIN / "000002.seal").unlink()


def _all_rewritten(state: Path) -> None:
    """The whole chain from the changed record on, consistently, by someone without the sealing key."""
    mark = Mark("0", 0, GENESIS)
    for path in sorted((state / CHAIN).glob("*.jsonl")):
        block = b""
        for line in _lines(path):
            body = line[: line.index(b',"chain":')] + b"}"
            body = body.replace(b"alice@example.com", b"mallory@example.org")
            made, mark = link([body], mark)
            block += made
        path.write_bytes(block)


def _torn_in_the_middle(state: Path) -> None:
    """The newline between two records of a full segment goes, with the end of the line."""
    path = state / CHAIN / "000002.jsonl"
    path.write_bytes(path.read_bytes()[:-40])


TAMPERING = [
    (_digit, "altered", "000002.jsonl", 2),
    (_rehashed, "altered", "000002.jsonl", 4),
    (_line_gone, "missing", "000002.jsonl", 3),
    (_swapped, "reordered", "000002.jsonl", 2),
    (_repeated, "reordered", "000002.jsonl", 3),
    (_inserted, "altered", "000002.jsonl", 3),
    (_foreign, "foreign", "000002.jsonl", 3),
    (_end_cut, "missing", None, None),
    (_segment_gone, "missing", "000003.jsonl", 1),
    (_first_segment_gone, "missing", "000002.jsonl", 1),
    (_segment_and_seal_gone_at_the_end, "missing", None, None),
    (_chain_gone, "missing", None, None),
    (_head_gone, "missing", "0.json", 0),
    (_head_forged, "altered", "0.json", 0),
    (_seal_gone, "missing", "000002.seal", 0),
    (_all_rewritten, "altered", "000001.jsonl", None),
    (_torn_in_the_middle, "missing", "000002.jsonl", None),
]


@pytest.mark.parametrize(
    ("tamper", "what", "file", "line"), TAMPERING, ids=[str(one[0].__name__).strip("_") for one in TAMPERING]
)
def test_tampering_is_found_and_its_place_named(
    tmp_path: Path, tamper: Callable[[Path], None], what: str, file: str | None, line: int | None
) -> None:
    """No one can quietly change the trail."""
    state = _made(tmp_path)
    assert verify(state).sound

    tamper(state)

    (problem,) = verify(state).problems
    assert problem.what == what
    if file is not None:
        assert problem.path.name == file
    if line is not None:
        assert problem.line == line


@pytest.mark.parametrize("tamper", [_end_cut, _head_forged, _chain_gone, _segment_and_seal_gone_at_the_end])
def test_a_service_that_goes_on_does_not_cover_the_gap(
    tmp_path: Path, tamper: Callable[[Path], None]
) -> None:
    """Whoever cuts the end off and lets the service restart must not get a clean chain."""
    state = _made(tmp_path)
    tamper(state)

    with Trail.open(state) as trail:
        trail.append([record(40)])

    assert not verify(state).sound


def test_a_rewritten_trail_with_its_own_key_is_found_by_an_anchor(tmp_path: Path) -> None:
    """Who holds the state folder and the key in it can forge both; what was sent elsewhere remains."""
    state = _made(tmp_path / "state")
    anchor = tmp_path / "anchor.jsonl"
    anchor.write_bytes(b"".join(_lines(min((state / CHAIN).glob("*.jsonl")))))
    shutil.rmtree(state)
    with Trail.open(state) as trail:
        trail.append([record(number) for number in range(1, 31)])

    assert verify(state).sound
    (problem,) = verify(state, anchors=read_anchors(anchor)).problems
    assert (problem.what, problem.line) == ("altered", 1)


def test_an_anchor_finds_an_end_that_was_cut(tmp_path: Path) -> None:
    """Also when the head was forged with the key beside the trail."""
    state = _made(tmp_path / "state")
    anchor = tmp_path / "anchor.jsonl"
    last = max((state / CHAIN).glob("*.jsonl"))
    anchor.write_bytes(orjson.dumps({"event": orjson.loads(_lines(last)[-1])}) + b"\n")
    assert verify(state, anchors=read_anchors(anchor)).chains[0].anchored == 30
    shutil.rmtree(state)
    with Trail.open(state) as trail:
        trail.append([record(1)])

    (problem,) = verify(state, anchors=read_anchors(anchor)).problems
    assert problem.what == "missing"
    assert "30" in problem.message


def test_an_anchor_for_a_chain_that_is_gone_with_its_head_is_found(tmp_path: Path) -> None:
    """A chain of which nothing is left leaves no trace but elsewhere."""
    state = _made(tmp_path / "state")
    anchor = tmp_path / "anchor.jsonl"
    anchor.write_bytes(_lines(state / "trail/chains/events/000001.jsonl")[0])
    shutil.rmtree(state / "trail/chains/events")
    (state / "trail/heads/events.json").unlink()

    assert verify(state).sound
    assert not verify(state, anchors=read_anchors(anchor)).sound


@pytest.mark.parametrize("content", [b"", b"no json\n", b'{"a":1}\n'])
def test_an_anchor_that_names_no_place_is_refused(tmp_path: Path, content: bytes) -> None:
    """A proof against nothing must not look like a proof."""
    path = tmp_path / "anchor"
    path.write_bytes(content)
    with pytest.raises(TrailError, match="no line names"):
        read_anchors(path)


def test_the_sealing_key_may_be_kept_elsewhere(tmp_path: Path) -> None:
    """Then who can write the state folder can't seal."""
    key = tmp_path / "vault" / "seal.key"
    state = _made(tmp_path / "state", key)

    assert not (state / "trail/seal.key").exists()
    assert verify(state).sound
    with Trail.open(state, seal_key=key) as trail:
        trail.append([record(31)])
    assert verify(state).sound


def test_another_public_key_is_not_believed(tmp_path: Path) -> None:
    """`--key` is for who keeps the public key away from the trail."""
    state = _made(tmp_path / "state")
    _made(tmp_path / "other")

    assert verify(state, public=state / "trail/seal.pub").sound
    assert not verify(state, public=tmp_path / "other/trail/seal.pub").sound


def test_no_trail_is_no_proof(tmp_path: Path) -> None:
    """An empty folder must not verify."""
    with pytest.raises(TrailError, match="no trail"):
        verify(tmp_path)


def test_what_is_vouched_for_is_said(tmp_path: Path) -> None:
    """A signature reaches up to the head; what came after is chained only."""
    state = _made(tmp_path)
    path = max((state / CHAIN).glob("*.jsonl"))
    last = orjson.loads(_lines(path)[-1])
    more, _ = link([b'{"id":"after"}'], Mark("0", last["seq"], last["hash"]))
    with path.open("ab") as file:
        file.write(more)

    chain = verify(state).chains[0]

    assert (chain.records, chain.last, chain.sealed) == (31, 31, 30)


def test_a_growing_trail_verifies_while_it_grows(tmp_path: Path) -> None:
    """A proof must not need the service to stop."""
    with Trail.open(tmp_path, limits=Limits(segment_bytes=20_000, sync_seconds=0.001)) as trail:
        for number in range(1, 200):
            trail.append([record(number)])
            if number % 20 == 0:
                assert verify(tmp_path).problems == []


def _big(state: Path, count: int) -> None:
    """A trail of many records, quickly."""
    made = [record(number) for number in range(1000)]
    with Trail.open(state) as trail:
        for _ in range(count // 1000):
            trail.append(made)


def test_verification_streams(tmp_path: Path) -> None:
    """Memory does not grow with the trail; progress is told as it goes."""
    _big(tmp_path, 20_000)
    told: list[int] = []

    tracemalloc.start()
    verdict = verify(tmp_path, progress=told.append)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    size = sum(path.stat().st_size for path in (tmp_path / "trail/chains").glob("*/*.jsonl"))
    assert verdict.records == 20_000
    assert sum(told) == size
    assert len(told) > 10
    assert peak < 2_000_000


@pytest.mark.long
def test_a_million_records_verify_in_twenty_seconds(tmp_path: Path) -> None:
    """An investigation must not wait."""
    _big(tmp_path, 1_000_000)

    begun = time.perf_counter()
    verdict = verify(tmp_path)

    assert verdict.records == 1_000_000
    assert verdict.sound
    assert time.perf_counter() - begun < 20


def test_every_process_finds_the_sealing_key_that_is_kept_elsewhere(tmp_path: Path) -> None:
    """The command line notes events too, and must not begin a second key."""
    key = tmp_path / "vault" / "seal.key"
    Trail.open(tmp_path / "state", seal_key=key).close()

    note_event(tmp_path / "state", event_record("e1", AT, "key.issued", {}))

    assert not (tmp_path / "state/trail/seal.key").exists()
    assert verify(tmp_path / "state").sound


def test_another_sealing_key_is_refused(tmp_path: Path) -> None:
    """A trail that changes its key half-way could not be proven."""
    Trail.open(tmp_path).close()
    with pytest.raises(TrailError, match="sealed with so far"):
        Trail.open(tmp_path, seal_key=tmp_path / "other.key")
