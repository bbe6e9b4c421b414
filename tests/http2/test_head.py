"""RFC 9113 section 8 and gRPC's demands on the head of a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.http2.head import Malformed, read_head, read_trailers
from tests.http2.wire import CHECK, FIELDS, fields_with


def status_of(*fields: tuple[bytes, bytes]) -> bytes:
    """The block that refuses a head."""
    refusal = read_head(fields).refusal
    assert refusal is not None
    return refusal.head


def test_a_call_is_its_path_and_its_metadata() -> None:
    """What gRPC itself uses is no metadata; the rest is, as the other transport gives it."""
    head = read_head(
        fields_with((b"user-agent", b"envoy"), (b"x-a", b"1"), (b"x-a", b"2"), (b"grpc-timeout", b"1S"))
    )

    assert (head.path, head.timeout, head.refusal) == (CHECK, 1.0, None)
    assert head.metadata == {"user-agent": "envoy", "x-a": "1,2"}


def test_metadata_cannot_be_changed_by_who_reads_it() -> None:
    """Equal blocks share it between calls."""
    metadata = read_head(fields_with((b"x-a", b"1"))).metadata

    with pytest.raises(TypeError):
        metadata["x-a"] = "2"  # type: ignore[index]  # the point of the test


def test_bytes_beyond_ascii_survive() -> None:
    """Values may hold any byte but three; nothing is lost or replaced."""
    assert (
        read_head(fields_with((b"x-a", b"\xff\xc3\xa9"))).metadata["x-a"].encode("latin-1") == b"\xff\xc3\xa9"
    )


@pytest.mark.parametrize(
    "fields",
    [
        fields_with(without=[b":method"]),
        fields_with(without=[b":scheme"]),
        fields_with(without=[b":path"]),
        fields_with((b":path", b"/twice")),
        ((b":status", b"200"), *FIELDS),
        ((b":unknown", b"x"), *FIELDS),
        ((b"x-a", b"1"), *FIELDS),
        ((b":path", b""), *fields_with(without=[b":path"])),
        ((b":method", b""), *fields_with(without=[b":method"])),
        fields_with((b"X-A", b"1")),
        fields_with((b"", b"1")),
        fields_with((b"x a", b"1")),
        fields_with((b"x:a", b"1")),
        fields_with((b"x\xe9", b"1")),
        fields_with((b"x-a", b" 1")),
        fields_with((b"x-a", b"1\t")),
        fields_with((b"x-a", b"1\r\nx-b: 2")),
        fields_with((b"x-a", b"1\x002")),
        fields_with((b"connection", b"close")),
        fields_with((b"keep-alive", b"1")),
        fields_with((b"proxy-connection", b"close")),
        fields_with((b"transfer-encoding", b"chunked")),
        fields_with((b"upgrade", b"h2c")),
        fields_with((b"te", b"gzip"), without=[b"te"]),
        fields_with((b"content-length", b"-1")),
        fields_with((b"content-length", b"5"), (b"content-length", b"5")),
        fields_with((b"content-length", b"1" * 30)),
    ],
)
def test_what_breaks_http_is_malformed(fields: tuple[tuple[bytes, bytes], ...]) -> None:
    """Sections 8.2, 8.2.1, 8.2.2, 8.3, 8.3.1: another peer on the way might read it otherwise than we do."""
    with pytest.raises(Malformed):
        read_head(fields)


@pytest.mark.parametrize(
    "kind", [b"application/grpc", b"application/grpc+proto", b"application/grpc;charset=utf-8"]
)
def test_grpc_with_protobuf_is_taken(kind: bytes) -> None:
    """The three ways to say it."""
    assert read_head(fields_with((b"content-type", kind), without=[b"content-type"])).refusal is None


@pytest.mark.parametrize(
    "kind", [b"", b"text/html", b"application/grpc-web", b"application/grpc+json", b"application/grpcx"]
)
def test_other_content_is_415(kind: bytes) -> None:
    """The gRPC protocol demands it, so that a proxy or a browser sees an error that it knows."""
    assert b"415" in status_of(*fields_with((b"content-type", kind), without=[b"content-type"]))


def test_other_methods_are_405() -> None:
    """Every gRPC call is a POST."""
    assert b"405" in status_of((b":method", b"GET"), *fields_with(without=[b":method"]))


def test_a_malformed_timeout_refuses_the_call() -> None:
    """Guessing at a deadline could mean none at all."""
    assert b"grpc-status" in status_of(*fields_with((b"grpc-timeout", b"soon")))


def test_trailers_may_hold_anything_but_pseudo_fields() -> None:
    """Section 8.1."""
    read_trailers([(b"x-checksum", b"1")])
    for field in ((b":path", b"/"), (b"X", b"1")):
        with pytest.raises(Malformed):
            read_trailers([field])


@given(
    st.lists(st.sampled_from(FIELDS) | st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=9)
)
def test_any_fields_are_a_head_or_malformed(fields: list[tuple[bytes, bytes]]) -> None:
    """Nothing else is raised, and a head always names a path."""
    try:
        head = read_head(fields)
    except Malformed:
        return

    assert head.path
