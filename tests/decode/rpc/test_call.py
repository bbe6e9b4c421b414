"""A gRPC request as one action."""

import pytest

from authz.core.call import Kind
from authz.core.request import Request
from tests.decode.requests import decoded, refused

PATH = "/shipping.v1.Shipping/GetShipment"


def _request(
    path: str = PATH, *, method: str = "POST", media: str = "application/grpc", encoding: str = "identity"
) -> Request:
    headers = {"content-type": media, "grpc-encoding": encoding}
    return Request(method=method, path=path, headers=headers, body=bytes(5), context={"app": "shipping"})


def test_the_path_names_the_method() -> None:
    """And a method that no definition names is read all the same."""
    found = decoded(_request()).action
    assert (found.name, found.method, found.kind, found.args) == ("GetShipment", PATH[1:], Kind.TOOL, {})

    other = decoded(_request("/shipping.v1.Shipping/Drop")).action
    assert (other.name, other.tool) == ("/shipping.v1.Shipping/Drop", None)


@pytest.mark.parametrize(
    "request_",
    [
        _request(method="GET"),
        _request(media="application/grpc+json"),
        _request(media="application/json"),
        _request(encoding="gzip"),
        _request(PATH + "?a=1"),
        _request("/shipping.v1.Shipping//GetShipment"),
        _request("/shipping.v1.Shipping/Get%53hipment"),
        _request("shipping.v1.Shipping/GetShipment"),
    ],
)
def test_what_is_no_plain_grpc_is_refused(request_: Request) -> None:
    """Servers route it differently."""
    refused(request_)
