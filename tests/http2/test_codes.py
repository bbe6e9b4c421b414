"""Numbers that other programs read."""

import grpc
from h2.errors import ErrorCodes

from authz.http2 import ErrorCode, Status


def test_error_codes_are_those_of_http2() -> None:
    """RFC 9113 section 7."""
    assert {one.name: one.value for one in ErrorCode} == {
        one.name: ErrorCodes[one.name].value for one in ErrorCode
    }


def test_statuses_are_those_of_grpc() -> None:
    """A caller acts on the number."""
    assert {one.name: one.value for one in Status} == {
        one.name: grpc.StatusCode[one.name].value[0] for one in Status
    }
