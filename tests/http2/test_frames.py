"""RFC 9113 section 4 and 6: frames as bytes."""

import pytest

from authz.http2 import ErrorCode, frames
from authz.http2.codes import ConnectionFault
from tests.http2.wire import Frame, split


def test_frames_are_length_type_flags_stream_and_payload() -> None:
    """Section 4.1; the length has 24 bits."""
    assert frames.frame(frames.DATA, frames.END_STREAM, 7, b"x" * 70_000)[:9] == bytes.fromhex(
        "011170000100000007"
    )


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (frames.reset(3, ErrorCode.CANCEL), Frame(3, 0, 3, bytes.fromhex("00000008"))),
        (frames.window_update(0, 65_535), Frame(8, 0, 0, bytes.fromhex("0000ffff"))),
        (frames.settings({1: 0, 4: 65_536}), Frame(4, 0, 0, bytes.fromhex("000100000000000400010000"))),
        (
            frames.goaway(5, ErrorCode.NO_ERROR, "bye"),
            Frame(7, 0, 0, bytes.fromhex("0000000500000000") + b"bye"),
        ),
    ],
)
def test_what_we_send_is_what_the_rfc_draws(sent: bytes, expected: Frame) -> None:
    """Section 6."""
    assert split(sent) == [expected]


def test_the_last_value_of_a_setting_counts() -> None:
    """Section 6.5.3: values are processed in their order."""
    payload = bytes.fromhex("000400000001" + "000400000002" + "00ff12345678")

    assert frames.read_settings(payload) == {frames.INITIAL_WINDOW_SIZE: 2}


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("0001", ErrorCode.FRAME_SIZE_ERROR),
        ("000200000002", ErrorCode.PROTOCOL_ERROR),
        ("000480000000", ErrorCode.FLOW_CONTROL_ERROR),
        ("000500003fff", ErrorCode.PROTOCOL_ERROR),
        ("000501000000", ErrorCode.PROTOCOL_ERROR),
    ],
)
def test_settings_out_of_range_end_the_connection(payload: str, code: ErrorCode) -> None:
    """Section 6.5.2, one code for each."""
    with pytest.raises(ConnectionFault) as caught:
        frames.read_settings(bytes.fromhex(payload))

    assert caught.value.code is code


def test_padding_is_taken_off() -> None:
    """Section 6.1; padding may be everything but the content."""
    assert frames.unpadded(b"\x02abcd") == b"ab"
    assert frames.unpadded(b"\x00") == b""
    assert frames.unpadded(b"\x01a") == b""


@pytest.mark.parametrize(
    ("payload", "code"), [(b"", ErrorCode.FRAME_SIZE_ERROR), (b"\x01", ErrorCode.PROTOCOL_ERROR)]
)
def test_padding_longer_than_its_frame_ends_the_connection(payload: bytes, code: ErrorCode) -> None:
    """Section 6.1."""
    with pytest.raises(ConnectionFault) as caught:
        frames.unpadded(payload)

    assert caught.value.code is code
