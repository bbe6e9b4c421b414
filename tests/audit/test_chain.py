"""The hash chain: each line proves itself and follows from the one before."""

import hashlib

import orjson
from hypothesis import given
from hypothesis import strategies as st

from authz.audit import GENESIS, Mark, link, read_tail
from authz.audit.chain import anchor_of

bodies = st.lists(
    st.dictionaries(st.text(min_size=1), st.text() | st.integers(-(2**53), 2**53), min_size=1).map(
        orjson.dumps
    ),
    min_size=1,
    max_size=5,
)


@given(bodies)
def test_every_line_proves_itself_and_follows_the_one_before(given_bodies: list[bytes]) -> None:
    """Whatever a record says, its place can be read from its end alone."""
    block, last = link(given_bodies, Mark("0", 6, GENESIS))

    tails = [read_tail(line) for line in block.split(b"\n")[:-1]]

    previous = GENESIS
    for number, tail in enumerate(tails, start=7):
        assert tail is not None
        assert (tail.chain, tail.seq, tail.prev, tail.true) == ("0", number, previous, True)
        previous = tail.hash
    assert last == Mark("0", 6 + len(given_bodies), previous)


@given(bodies)
def test_the_place_is_in_the_json_too(given_bodies: list[bytes]) -> None:
    """Readers of the JSON and readers of the bytes must not disagree."""
    block, _ = link(given_bodies, Mark("events", 0, GENESIS))

    for line in block.split(b"\n")[:-1]:
        tail = read_tail(line)
        value = orjson.loads(line)
        assert tail is not None
        assert (value["chain"], value["seq"], value["prev"], value["hash"]) == (
            tail.chain,
            tail.seq,
            tail.prev,
            tail.hash,
        )


@given(bodies, st.data())
def test_any_changed_byte_is_found(given_bodies: list[bytes], data: st.DataObject) -> None:
    """Also one that leaves valid JSON behind."""
    block, _ = link(given_bodies[:1], Mark("0", 0, GENESIS))
    line = bytearray(block[:-1])
    at = data.draw(st.integers(0, len(line) - 1))
    line[at] ^= data.draw(st.integers(1, 255))

    tail = read_tail(bytes(line))

    assert tail is None or not tail.true


def test_the_hash_is_what_the_documentation_says() -> None:
    """Anyone must be able to check it with a tool of their own."""
    block, mark = link([b'{"id":"a"}'], Mark("0", 0, GENESIS))

    content = block[: block.index(b',"hash":"')]
    assert content == b'{"id":"a","chain":"0","seq":1,"prev":"' + b"0" * 64 + b'"'
    assert mark.hash == hashlib.sha256(content).hexdigest()


@given(st.binary())
def test_any_bytes_are_a_line_or_none(line: bytes) -> None:
    """A proof reads what an attacker wrote."""
    tail = read_tail(line)

    assert tail is None or isinstance(tail.seq, int)


def test_an_anchor_is_found_in_the_envelope_of_a_collector() -> None:
    """What a sink stored is an anchor: exported lines need no conversion."""
    mark = Mark("0", 5, "ab" * 32)
    plain = {"chain": "0", "seq": 5, "hash": "ab" * 32}

    assert anchor_of(orjson.dumps(plain)) == mark
    assert anchor_of(orjson.dumps({"time": 1, "event": plain})) == mark
    assert anchor_of(b'{"seq":5}') is None
    assert anchor_of(b"no json") is None
    assert anchor_of(b"[1]") is None
