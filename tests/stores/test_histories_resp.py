"""RESP as Redis speaks it, in whatever pieces it comes."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authz.stores.histories_resp import (
    Reply,
    Server,
    StoreDownError,
    StoreError,
    connect,
    decode,
    encode,
    parse_url,
    slot_of,
)

WIRE = b"+OK\r\n:-5\r\n$3\r\na\r\n\r\n$-1\r\n*2\r\n$1\r\nx\r\n*-1\r\n$0\r\n\r\n"
VALUES: list[Reply] = [b"OK", -5, b"a\r\n", None, [b"x", None], b""]


@given(st.integers(0, len(WIRE)))
def test_a_reply_is_whole_or_not_there(cut: int) -> None:
    """A read may end anywhere."""
    found: list[Reply] = []
    place = 0
    while (one := decode(WIRE[:cut], place)) is not None:
        found.append(one[0])
        place = one[1]

    assert found == VALUES[: len(found)]
    assert cut < len(WIRE) or found == VALUES


def test_an_error_is_a_value() -> None:
    """It belongs to the command that it answers."""
    found = decode(b"-NOSCRIPT no such script\r\n", 0)

    assert found is not None
    assert isinstance(found[0], StoreError)
    assert str(found[0]) == "NOSCRIPT no such script"


def test_a_command_is_binary_safe() -> None:
    """Keys and arguments are bytes, lengths are in bytes."""
    assert (
        encode(("SET", "ü", b"\r\n", 5)) == b"*4\r\n$3\r\nSET\r\n$2\r\n\xc3\xbc\r\n$2\r\n\r\n\r\n$1\r\n5\r\n"
    )


def test_only_the_tag_decides_the_slot() -> None:
    """As the cluster specification says; its example value included."""
    assert slot_of("123456789") == 12739
    assert slot_of("ap:{user1}:a") == slot_of("ap:{user1}:b") == slot_of("user1")
    assert slot_of("foo{}bar") != slot_of("")


async def test_what_is_no_resp_closes_the_connection() -> None:
    """Whoever answers like that is no Redis; nobody is left waiting for an answer in the right order."""

    async def web(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(web, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    with pytest.raises(StoreDownError):
        await connect(Server(host=host, port=port), patience=5)
    server.close()
    await server.wait_closed()


def test_urls_say_where_and_who() -> None:
    """Everything that a deployment needs."""
    assert parse_url("rediss://me:p%40ss@redis.internal:7000/3") == Server(
        host="redis.internal",
        port=7000,
        user="me",
        password="p@ss",  # noqa: S106 - of nobody
        database=3,
        tls=True,
    )
    assert parse_url("unix:///run/redis.sock") == Server(path="/run/redis.sock")
