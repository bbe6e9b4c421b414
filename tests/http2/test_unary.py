"""gRPC's PROTOCOL-HTTP2.md, for one message each way."""

import pytest
from hpack import Decoder
from hypothesis import given
from hypothesis import strategies as st

from authz.http2 import Status, unary
from tests.http2.wire import message


def read(block: bytes) -> dict[str, str]:
    """A block of ours as another decoder reads it."""
    return {name.decode(): value.decode() for name, value in Decoder().decode(block, raw=True)}


@given(st.binary())
def test_one_whole_message_is_read(content: bytes) -> None:
    """Five bytes of prefix, then the message."""
    assert unary.read_message(message(content)) == content


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", Status.UNIMPLEMENTED),
        (message(b"a") + message(b"b"), Status.UNIMPLEMENTED),
        (b"\x01" + message(b"a")[1:], Status.UNIMPLEMENTED),
        (b"\x02" + message(b"a")[1:], Status.INTERNAL),
        (message(b"abc")[:-1], Status.INTERNAL),
        (b"\x00\x00", Status.INTERNAL),
    ],
    ids=["none", "two", "compressed", "unknown flags", "cut short", "cut in the prefix"],
)
def test_anything_but_one_plain_message_is_refused(body: bytes, status: Status) -> None:
    """A guess at what was meant would be an answer to a question that nobody asked."""
    with pytest.raises(unary.NoMessage) as caught:
        unary.read_message(body)

    assert read(caught.value.reply.head)["grpc-status"] == str(int(status))


def test_compression_is_refused_with_what_we_take() -> None:
    """As in compression.md: the refusal names the encodings that are accepted."""
    reply = unary.refusal(Status.UNIMPLEMENTED, "no")

    assert read(reply.head)["grpc-accept-encoding"] == "identity"


def test_an_answer_is_headers_message_and_status() -> None:
    """The status comes last: a proxy must not take a cut answer for a whole one."""
    reply = unary.answer(b"yes")

    assert read(reply.head) == {":status": "200", "content-type": "application/grpc"}
    assert reply.body == message(b"yes")
    assert read(reply.trailers) == {"grpc-status": "0"}


def test_a_refusal_is_one_block_in_plain_ascii() -> None:
    """`grpc-message` is percent-encoded; we only send what needs no encoding, and not much of it."""
    reply = unary.refusal(Status.INTERNAL, "50 % of µ\r\n" + "x" * 500)

    fields = read(reply.head)
    assert (fields["grpc-status"], fields["grpc-message"][:12]) == ("13", "50 ? of ???x")
    assert len(fields["grpc-message"]) == 120
    assert (reply.body, reply.trailers) == (b"", b"")


@pytest.mark.parametrize("status", [405, 415])
def test_what_is_no_grpc_is_told_in_http(status: int) -> None:
    """The gRPC protocol demands 415; 405 must name the methods that are allowed (RFC 9110 section 15.5.6)."""
    reply = unary.not_grpc(status)

    fields = read(reply.head)
    assert fields[":status"] == str(status)
    assert int(fields["content-length"]) == len(reply.body)
    assert fields.get("allow") == ("POST" if status == 405 else None)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"1H", 3600.0),
        (b"2M", 120.0),
        (b"3S", 3.0),
        (b"200m", 0.2),
        (b"5u", 5e-6),
        (b"99999999n", 0.099999999),
        (b"0S", 0.0),
    ],
)
def test_timeouts_are_read_in_every_unit(value: bytes, seconds: float) -> None:
    """A caller's deadline ends the work for it."""
    assert unary.read_timeout(value) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value", [b"", b"1", b"S", b"-1S", b"1.5S", b"123456789S", b"1s", b" 1S", b"1S ", "\u0661S".encode()]
)
def test_a_timeout_of_another_form_is_none(value: bytes) -> None:
    """At most eight digits and one unit."""
    assert unary.read_timeout(value) is None
