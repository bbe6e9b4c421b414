"""What an operator may choose."""

import pytest

from authz.render.choices import host_port


@pytest.mark.parametrize(
    ("written", "read"),
    [("127.0.0.1:80", ("127.0.0.1", 80)), ("[::1]:443", ("::1", 443)), ("a.b:1", ("a.b", 1))],
)
def test_an_address_has_a_host_and_a_port(written: str, read: tuple[str, int]) -> None:
    """Brackets are for people."""
    assert host_port(written) == read


@pytest.mark.parametrize("written", ["", "a", ":80", "a:", "a:x", "a:0", "a:65536"])
def test_anything_else_is_refused(written: str) -> None:
    """Envoy would say so much later."""
    with pytest.raises(ValueError, match="HOST:PORT"):
        host_port(written)
