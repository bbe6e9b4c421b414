"""The fast transport with real peers: grpcio, sockets by hand, h2spec and h2load, with and without TLS."""

import asyncio
import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import cast

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from authz.http2 import ErrorCode, Limits, Status, frames
from authz.server.health import Health
from authz.server.transport import Answer, Metadata, Methods
from authz.server.transport_http2 import Admit, Listen, Server, serve
from tests.http2.serving import PATIENCE, Authority, Running, eventually, raw, running
from tests.http2.wire import Frame, block, data, fields_with, headers, message

ECHO, LATER, STUCK, BROKEN = "/t.T/Echo", "/t.T/Later", "/t.T/Stuck", "/t.T/Broken"
Batch = Sequence[tuple[Metadata, bytes]]
LOOPBACK = ("127.0.0.1", 0)
UNLIMITED = [("grpc.max_receive_message_length", -1)]


class Methodical:
    """Handlers that remember what they saw."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[Metadata, bytes]]] = []
        self.started = 0
        self.cancelled = 0

    @property
    def methods(self) -> Methods:
        """By path."""
        return {ECHO: self.echo, LATER: self.later, STUCK: self.stuck, BROKEN: self.broken}

    def echo(self, calls: Batch) -> Sequence[Answer]:
        """At once."""
        self.batches.append(list(calls))
        return [content for _, content in calls]

    def later(self, calls: Batch) -> Sequence[Answer]:
        """Those that begin with `!` at once, the others after a turn of the loop or more."""
        return [content if content[:1] == b"!" else self._echo_later(content) for _, content in calls]

    def stuck(self, calls: Batch) -> Sequence[Answer]:
        """Never."""
        return [self._never() for _ in calls]

    def broken(self, calls: Batch) -> Sequence[Answer]:
        """In every way that a handler can fail; the first message says which."""
        how = calls[0][1]
        gone: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        gone.cancel()
        wrong = {
            b"type": [cast("bytes", "text") for _ in calls],
            b"none": [cast("bytes", None) for _ in calls],
            b"fewer": [],
            b"more": [self._echo_later(b"") for _ in (*calls, 1)] if how == b"more" else [],
            b"later": [self._fail() for _ in calls] if how == b"later" else [],
            b"later type": [self._wrong() for _ in calls] if how == b"later type" else [],
            b"gone": [gone for _ in calls],
        }
        return cast("Sequence[Answer]", wrong[how])

    async def _echo_later(self, content: bytes) -> bytes:
        await asyncio.sleep(0.01)
        return content

    async def _never(self) -> bytes:
        self.started += 1
        never: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        try:
            return await never
        except asyncio.CancelledError:
            self.cancelled += 1
            raise

    async def _fail(self) -> bytes:
        raise ValueError("no")

    async def _wrong(self) -> bytes:
        return cast("bytes", "text")


def starting(
    methods: Methods,
    listen: Listen = LOOPBACK,
    limits: Limits | None = None,
    context: ssl.SSLContext | None = None,
    admit: Admit | None = None,
) -> Callable[[], "asyncio.Future[Server]"]:
    """Starts a server on the loop that calls it."""
    return lambda: asyncio.ensure_future(serve(listen, methods, limits=limits, ssl=context, admit=admit))


@pytest.fixture
def seen() -> Methodical:
    """Handlers of one test."""
    return Methodical()


@pytest.fixture(params=["uvloop", "asyncio"])
def loop_name(request: pytest.FixtureRequest) -> str:
    """Both loops: uvloop is what serves, asyncio is what is always there."""
    return str(request.param)


@pytest.fixture(params=["tcp", "unix"])
def listen(request: pytest.FixtureRequest, tmp_path: Path) -> Listen:
    """Both kinds of address."""
    return LOOPBACK if request.param == "tcp" else tmp_path / "s"


@pytest.fixture
def served(seen: Methodical) -> Iterator[Running]:
    """A server on uvloop with every handler."""
    with running(starting(seen.methods)) as server:
        yield server


@contextmanager
def channel_to(server: Running) -> Iterator[grpc.Channel]:
    """A grpcio channel of its own: grpcio would share a connection between equal ones."""
    options = [*UNLIMITED, ("grpc.use_local_subchannel_pool", 1)]
    with grpc.insecure_channel(server.target, options=options) as channel:
        yield channel


def unary(channel: grpc.Channel, path: str) -> "grpc.UnaryUnaryMultiCallable[bytes, bytes]":
    """A method whose messages are bytes."""
    return channel.unary_unary(path, request_serializer=None, response_deserializer=None)


def code_of(ask: Callable[[], object]) -> grpc.StatusCode:
    """The status that a call fails with."""
    with pytest.raises(grpc.RpcError) as caught:
        ask()
    return cast("grpc.Call", caught.value).code()


def request(stream_id: int, path: str, content: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """A call by hand."""
    fields = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", path.encode())]
    rest = [field for field in fields_with(*more) if not field[0].startswith(b":")]
    return headers(stream_id, block([*fields, *rest])) + data(stream_id, message(content))


def ends(stream_id: int) -> Callable[[Frame], bool]:
    """Whether a frame ends a stream."""
    return lambda one: (
        one.stream_id == stream_id and one.kind == frames.HEADERS and bool(one.flags & frames.END_STREAM)
    )


# Calls


def test_a_grpcio_client_is_answered(seen: Methodical, loop_name: str, listen: Listen) -> None:
    """The client that most people have, on both loops and both kinds of address."""
    with running(starting(seen.methods, listen), loop_name) as server, channel_to(server) as channel:
        for size in (0, 1, 775, 16_379, 16_380, 70_000, 1_500_000, 4 * 1024 * 1024):
            assert unary(channel, ECHO)(b"x" * size, timeout=PATIENCE) == b"x" * size
            assert unary(channel, LATER)(b"x" * size, timeout=PATIENCE) == b"x" * size


@asynccontextmanager
async def on_this_loop(methods: Methods) -> AsyncIterator[grpc.aio.Channel]:
    """A server and a channel on the loop of the test."""
    server = await serve(LOOPBACK, methods)
    try:
        target = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with grpc.aio.insecure_channel(target, options=UNLIMITED) as channel:
            yield channel
    finally:
        await server.drain(PATIENCE)


async def test_many_calls_of_an_asyncio_client_get_their_own_answers(seen: Methodical) -> None:
    """Ready and late answers, small and large messages, all on one connection."""
    async with on_this_loop(seen.methods) as channel:
        contents = [bytes((at % 251,)) * (at * 97) for at in range(400)]
        methods = [
            channel.unary_unary(path, request_serializer=None, response_deserializer=None)
            for path in (ECHO, LATER)
        ]
        asked = [methods[at % 2](one) for at, one in enumerate(contents)]

        assert [await one for one in asked] == contents


def test_metadata_is_what_the_other_transport_gives(seen: Methodical, served: Running) -> None:
    """Custom fields and the user agent; nothing of gRPC's own, repeated values joined."""
    sent = (
        ("x-a", "1"),
        ("x-a", "2"),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    )
    with channel_to(served) as channel:
        unary(channel, ECHO)(b"", metadata=sent, timeout=PATIENCE)

    metadata = dict(seen.batches[0][0][0])
    assert metadata.pop("user-agent").startswith("grpc-python/")
    assert metadata == {"x-a": "1,2", "traceparent": sent[2][1]}


def test_all_calls_of_a_read_are_one_batch(seen: Methodical, served: Running) -> None:
    """Their records are appended with one write; calls of other methods are another batch."""
    with raw(served) as client:
        client.hello()
        client.send(request(3, ECHO, b"a"), request(5, LATER, b"!"), request(7, ECHO, b"b"))
        client.read_until(ends(7))

    assert [[content for _, content in batch] for batch in seen.batches] == [[b"a", b"b"]]


def test_an_answer_that_waits_holds_no_other(served: Running) -> None:
    """Neither those of its batch nor those of later reads."""
    with raw(served) as client:
        client.hello()
        client.send(request(3, STUCK, b""), request(5, LATER, b"wait"), request(7, LATER, b"!now"))
        first = client.read_until(ends(7))
        client.send(request(9, ECHO, b"x"))
        rest = client.read_until(ends(9))

    assert not any(one.stream_id in {3, 5} for one in first)
    assert not any(one.stream_id == 3 for one in rest)


# Failures


@pytest.mark.parametrize(
    "how", [b"raises", b"type", b"none", b"fewer", b"more", b"later", b"later type", b"gone"]
)
def test_a_handler_that_fails_is_internal_and_the_server_goes_on(served: Running, how: bytes) -> None:
    """Never an OK, never a hang, and nobody else pays for it."""
    with channel_to(served) as channel:
        ask = partial(unary(channel, BROKEN), how, timeout=PATIENCE)

        assert code_of(ask) is grpc.StatusCode.INTERNAL
        assert unary(channel, ECHO)(b"on", timeout=PATIENCE) == b"on"


def test_an_unknown_method_is_unimplemented(served: Running) -> None:
    """As gRPC names it."""
    with channel_to(served) as channel:
        assert (
            code_of(partial(unary(channel, "/t.T/Nope"), b"", timeout=PATIENCE))
            is grpc.StatusCode.UNIMPLEMENTED
        )


def test_a_compressed_message_is_unimplemented(served: Running) -> None:
    """Nothing is unpacked before the caller is known."""
    with channel_to(served) as channel:
        ask = partial(unary(channel, ECHO), b"x" * 1000, compression=grpc.Compression.Gzip, timeout=PATIENCE)

        assert code_of(ask) is grpc.StatusCode.UNIMPLEMENTED


def test_a_message_too_large_is_refused(seen: Methodical) -> None:
    """RESOURCE_EXHAUSTED, and the connection lives on."""
    with (
        running(starting(seen.methods, limits=Limits(message_bytes=1000))) as server,
        channel_to(server) as channel,
    ):
        assert (
            code_of(partial(unary(channel, ECHO), b"x" * 200_000, timeout=PATIENCE))
            is grpc.StatusCode.RESOURCE_EXHAUSTED
        )
        assert unary(channel, ECHO)(b"x" * 1000, timeout=PATIENCE) == b"x" * 1000
        assert server.server.connections == 1


# Deadlines and cancellation


def test_a_deadline_ends_the_call_and_the_work(seen: Methodical, served: Running) -> None:
    """`grpc-timeout` is kept by the server too: a client may be gone."""
    with raw(served) as client:
        client.hello()
        client.send(request(3, STUCK, b"", (b"grpc-timeout", b"50m")))
        last = client.read_until(ends(3))[-1]

    assert b"grpc-status\x01" + str(int(Status.DEADLINE_EXCEEDED)).encode() in last.payload
    eventually(lambda: seen.cancelled == 1)


def test_a_deadline_of_a_grpcio_client_is_kept(seen: Methodical, served: Running) -> None:
    """Whichever end is first, the work stops."""
    with channel_to(served) as channel:
        assert code_of(partial(unary(channel, STUCK), b"", timeout=0.1)) is grpc.StatusCode.DEADLINE_EXCEEDED
        eventually(lambda: seen.cancelled == 1)


def test_a_cancelled_call_stops_the_work(seen: Methodical, served: Running) -> None:
    """RST_STREAM cancels the awaitable, and only that one."""
    with channel_to(served) as channel:
        stuck = [unary(channel, STUCK).future(b"") for _ in range(3)]
        eventually(lambda: seen.started == 3)
        stuck[1].cancel()  # type: ignore[no-untyped-call]  # the stubs leave it so
        eventually(lambda: seen.cancelled == 1)
        assert unary(channel, ECHO)(b"on", timeout=PATIENCE) == b"on"
        assert seen.cancelled == 1


def test_a_lost_connection_stops_its_work(seen: Methodical, served: Running) -> None:
    """Nobody is left to answer."""
    with raw(served) as client:
        client.hello()
        client.send(request(3, STUCK, b""), request(5, STUCK, b""))
        eventually(lambda: seen.started == 2)
        client.close()
        eventually(lambda: seen.cancelled == 2)
    eventually(lambda: served.server.connections == 0)


def test_a_connection_error_stops_its_work(seen: Methodical, served: Running) -> None:
    """And the peer can read why it was let go."""
    with raw(served) as client:
        client.hello()
        client.send(request(3, STUCK, b""))
        eventually(lambda: seen.started == 1)
        client.send(data(0, b""))
        last = client.read_to_end()[-1]

    assert (last.kind, last.code) == (frames.GOAWAY, ErrorCode.PROTOCOL_ERROR)
    eventually(lambda: seen.cancelled == 1)


# Draining


def test_a_drain_finishes_what_is_in_flight(seen: Methodical, loop_name: str) -> None:
    """Calls that were asked are answered, none is refused, and then the connection is closed."""
    with running(starting(seen.methods), loop_name) as server, channel_to(server) as channel:
        asked = [unary(channel, LATER).future(b"%d" % at, timeout=PATIENCE) for at in range(50)]
        assert asked[0].result() == b"0"
        server.drain()

        assert [one.result() for one in asked] == [b"%d" % at for at in range(50)]
        assert (server.server.connections, tuple(server.server.sockets)) == (0, ())


def test_a_drain_cuts_off_what_takes_too_long(seen: Methodical, served: Running) -> None:
    """A process that is told to stop stops."""
    with channel_to(served) as channel:
        stuck = unary(channel, STUCK).future(b"", timeout=PATIENCE)
        eventually(lambda: seen.started == 1)
        served.drain(0.05)

        assert isinstance(stuck.exception(), grpc.RpcError)
        eventually(lambda: seen.cancelled == 1)


def test_a_drain_says_goaway_and_hangs_up(served: Running) -> None:
    """A peer by hand that answers the PING sees the whole order."""
    with raw(served) as client:
        client.hello()
        client.send(request(3, ECHO, b"x"))
        client.read_until(ends(3))
        draining = threading.Thread(target=served.drain)
        draining.start()
        ping = client.read_until(lambda one: one.kind == frames.PING)[-1]
        client.send(frames.frame(frames.PING, frames.ACK, 0, ping.payload))
        (last,) = client.read_to_end()
        client.close()
        draining.join()

    assert (last.kind, last.code, last.payload[:4]) == (
        frames.GOAWAY,
        ErrorCode.NO_ERROR,
        b"\x00\x00\x00\x03",
    )


def test_a_unix_socket_is_removed_unless_it_is_anothers(seen: Methodical, tmp_path: Path) -> None:
    """A successor may already listen there."""
    path = tmp_path / "s"
    with running(starting(seen.methods, path)) as old:
        with running(starting(seen.methods, str(path))) as new:
            old.drain()
            with channel_to(new) as channel:
                assert unary(channel, ECHO)(b"x", timeout=PATIENCE) == b"x"
        assert not path.exists()


# Sockets


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_UNIX])
def test_a_socket_that_is_bound_already_is_served(
    seen: Methodical, tmp_path: Path, loop_name: str, family: int
) -> None:
    """Workers share a port by sockets of their own."""
    sock = socket.socket(family)
    sock.bind(LOOPBACK if family == socket.AF_INET else str(tmp_path / "s"))
    with running(starting(seen.methods, sock), loop_name) as server, channel_to(server) as channel:
        assert unary(channel, ECHO)(b"x", timeout=PATIENCE) == b"x"


async def test_an_address_that_cannot_be_had_is_said(seen: Methodical) -> None:
    """The operator reads it, so it must not be swallowed."""
    with socket.create_server(LOOPBACK) as taken, pytest.raises(OSError, match="in use"):
        await serve(("127.0.0.1", taken.getsockname()[1]), seen.methods)


def test_connections_beyond_the_limit_are_closed(seen: Methodical) -> None:
    """Those that are open keep working."""
    with running(starting(seen.methods, limits=Limits(connections=1))) as server, raw(server) as first:
        first.hello()
        first.read_until(lambda one: one.kind == frames.SETTINGS)
        with raw(server) as second:
            assert second.read_to_end() == []
        first.send(request(3, ECHO, b"x"))
        first.read_until(ends(3))


def test_whoever_does_not_speak_http2_is_let_go(served: Running) -> None:
    """A port scanner or a browser gets GOAWAY and a closed socket."""
    with raw(served) as client:
        client.send(b"GET / HTTP/1.1\r\nhost: authz\r\n\r\n")

        assert client.read_to_end()[-1].code is ErrorCode.PROTOCOL_ERROR


def test_whoever_was_let_go_is_not_heard_any_more(seen: Methodical, served: Running) -> None:
    """What comes after the fault is read and thrown away, so that the peer can read the reason."""
    with raw(served) as client:
        client.hello()
        client.send(data(0, b""))
        assert client.read_until(lambda one: one.kind == frames.GOAWAY)[-1].code is ErrorCode.PROTOCOL_ERROR
        client.send(request(3, ECHO, b"x"))
        assert client.read_to_end() == []

    assert seen.batches == []


def test_whoever_says_nothing_is_let_go(seen: Methodical, loop_name: str) -> None:
    """A socket is held for the handshake's time only."""
    with (
        running(starting(seen.methods, limits=Limits(handshake_seconds=0.1)), loop_name) as server,
        raw(server) as client,
    ):
        assert client.read_to_end()[-1].code is ErrorCode.SETTINGS_TIMEOUT


def test_whoever_does_not_read_is_cut_off(seen: Methodical, loop_name: str) -> None:
    """It is not read from meanwhile, so it cannot fill our memory, and it is not kept for ever."""
    limits = Limits(write_buffer_bytes=65_536, send_seconds=0.3)
    with running(starting(seen.methods, limits=limits), loop_name) as server, raw(server) as client:
        client.hello({frames.INITIAL_WINDOW_SIZE: 2**31 - 1})
        client.send(frames.window_update(0, 2**31 - 1 - 65_535))
        with pytest.raises(OSError, match=r"reset|pipe|timed out"):
            client.send_all(request(one, ECHO, b"x" * 16_000) for one in range(3, 2**31, 2))
        eventually(lambda: server.server.connections == 0)


def test_whoever_reads_slowly_is_served_all_the_same(seen: Methodical, loop_name: str) -> None:
    """The pause ends when the peer reads again."""
    limits = Limits(write_buffer_bytes=4096)
    many = range(3, 2003, 2)
    with running(starting(seen.methods, limits=limits), loop_name) as server, raw(server) as client:
        client.hello({frames.INITIAL_WINDOW_SIZE: 2**31 - 1})
        client.send(frames.window_update(0, 2**31 - 1 - 65_535))
        asked = [request(one, ECHO, b"x" * 16_000) for one in many]
        sender = threading.Thread(target=client.send_all, args=(asked,))
        sender.start()
        found = client.read_until(ends(many[-1]))
        sender.join()

    last = [one for one in found if one.kind == frames.HEADERS and one.flags & frames.END_STREAM]
    assert len(last) == len(many)


# TLS


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Issues the certificates of one test."""
    return Authority(tmp_path)


def secure_channel(server: Running, authority: Authority, client: str | None = None) -> grpc.Channel:
    """A grpcio channel over TLS, with a certificate of its own if named."""
    mine = authority.issue(client) if client else None
    credentials = grpc.ssl_channel_credentials(
        authority.pem, mine.key if mine else None, mine.certificate if mine else None
    )
    return grpc.secure_channel(
        server.target, credentials, options=[*UNLIMITED, ("grpc.use_local_subchannel_pool", 1)]
    )


def test_tls_is_served(seen: Methodical, authority: Authority, loop_name: str) -> None:
    """Large messages included, and a drain."""
    with (
        running(starting(seen.methods, context=authority.context("authz")), loop_name) as server,
        secure_channel(server, authority) as channel,
    ):
        for size in (0, 775, 1_000_000):
            assert unary(channel, ECHO)(b"x" * size, timeout=PATIENCE) == b"x" * size
        server.drain()


def _read_one(context: ssl.SSLContext, plain: socket.socket) -> None:
    """Shake hands and read a byte."""
    with context.wrap_socket(plain, server_hostname="127.0.0.1") as client:
        if not client.recv(1):
            raise ConnectionResetError("hung up")


@pytest.mark.parametrize("offered", [None, ["http/1.1"]])
def test_tls_without_h2_is_closed(seen: Methodical, authority: Authority, offered: list[str] | None) -> None:
    """RFC 9113 section 3.2: HTTP/2 over TLS is agreed by ALPN, not guessed."""
    context = ssl.create_default_context(cafile=str(authority.file))
    if offered:
        context.set_alpn_protocols(offered)
    with (
        running(starting(seen.methods, context=authority.context("authz"))) as server,
        socket.create_connection(server.server.sockets[0].getsockname(), PATIENCE) as plain,
        pytest.raises(OSError, match=r"(?i)eof|reset|alert|no application protocol|hung up"),
    ):
        _read_one(context, plain)


def test_mutual_tls_demands_a_certificate_and_names_it(
    seen: Methodical, authority: Authority, loop_name: str
) -> None:
    """Only the client that the operator named may ask."""

    def admit(transport: asyncio.BaseTransport) -> bool:
        subject = transport.get_extra_info("peercert")["subject"]
        return bool(subject == ((("commonName", "envoy"),),))

    context = authority.context("authz", mutual=True)
    with running(starting(seen.methods, context=context, admit=admit), loop_name) as server:
        with secure_channel(server, authority, "envoy") as channel:
            assert unary(channel, ECHO)(b"x", timeout=PATIENCE) == b"x"
        for other in (None, "someone"):
            with secure_channel(server, authority, other) as channel:
                assert code_of(partial(unary(channel, ECHO), b"x", timeout=2)) is not grpc.StatusCode.OK
    assert sum(len(batch) for batch in seen.batches) == 1


def test_a_check_of_peers_that_fails_admits_nobody(seen: Methodical, loop_name: str) -> None:
    """A bug there must not open the door."""

    def admit(_: asyncio.BaseTransport) -> bool:
        raise ValueError("no")

    with running(starting(seen.methods, admit=admit), loop_name) as server, raw(server) as client:
        assert client.read_to_end() == []
        assert server.server.connections == 0


# Other peers


def test_health_is_served() -> None:
    """Kubernetes and Envoy ask for it; `Watch` is a stream, which this transport does not carry."""
    methods = {"/grpc.health.v1.Health/Check": Health().check}
    with running(starting(methods)) as server, channel_to(server) as channel:
        stub = health_pb2_grpc.HealthStub(channel)

        assert (
            stub.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE).status
            == health_pb2.HealthCheckResponse.SERVING
        )
        assert (
            code_of(lambda: list(stub.Watch(health_pb2.HealthCheckRequest(), timeout=PATIENCE)))
            is grpc.StatusCode.UNIMPLEMENTED
        )


@pytest.mark.system("h2spec")
@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_h2spec_finds_nothing(seen: Methodical, loop: str) -> None:
    """The conformance suite, strict. Its client ignores HEADER_TABLE_SIZE, so it is granted a table."""
    program = _go_program("h2spec")
    with running(starting(seen.methods, limits=Limits(header_table_bytes=4096)), loop) as server:
        port = server.server.sockets[0].getsockname()[1]
        report = subprocess.run(
            [program, "--strict", "-h", "127.0.0.1", "-p", str(port)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout

    assert re.search(r"^\d+ tests, \d+ passed, 0 skipped, 0 failed$", report, re.MULTILINE), report


@pytest.mark.system("h2load")
def test_h2load_gets_every_answer(seen: Methodical, tmp_path: Path) -> None:
    """nghttp2's client, with as many streams as it likes."""
    body = tmp_path / "body"
    body.write_bytes(message(b"x" * 775))
    with running(starting(seen.methods)) as server:
        port = server.server.sockets[0].getsockname()[1]
        report = subprocess.run(
            [
                "h2load",
                "-n",
                "5000",
                "-c",
                "4",
                "-m",
                "64",
                "-d",
                str(body),
                "-H",
                "content-type: application/grpc",
                "-H",
                "te: trailers",
                f"http://127.0.0.1:{port}{ECHO}",
            ],
            capture_output=True,
            text=True,
            check=False,
        ).stdout

    assert "5000 succeeded, 0 failed, 0 errored, 0 timeout" in report
    assert sum(len(batch) for batch in seen.batches) == 5000


def _go_program(name: str) -> str:
    """Where a Go program is: on the path, or where `go install` puts it."""
    found = shutil.which(name) or shutil.which(name, path=os.fspath(Path.home() / "go" / "bin"))
    assert found is not None
    return found
