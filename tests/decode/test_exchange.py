"""What decoding brings."""

from authz.decode.exchange import Exchange, Route


def test_a_refusal_before_decoding_is_spoken_in_the_protocol_of_the_route() -> None:
    """A caller without a credential still gets an answer that it can read."""
    assert Exchange.unread(Route(protocol="grpc")) == Exchange(protocol="grpc")
    assert Exchange.unread(Route(protocol="mcp", virtual=True)) == Exchange(protocol="mcp", virtual=True)
