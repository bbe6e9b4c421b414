"""The table of wire cases through the real Envoy, in HTTP/1.1 and HTTP/2: no app sees a refused one."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import h2.config
import h2.connection
import h2.events
import h11
import pytest

from tests.integration.running import PATIENCE
from tests.wire.case import DEFS, Case, all_cases
from tests.wire.gateway import Echo, Gateway, copied, echo, free_port, gateway
from tests.wire.shipping import descriptor_set

CASES = [one for one in all_cases() if one.envoy]
WHERE = {"crm": "crm.internal", "billing": "billing.internal", "shipping": "shipping.internal"}
# Refused before the authorizer is asked: by Envoy's own reading of HTTP, or because no route was meant.
BY_ENVOY = {400, 404, 403, 405, 426, 431, 501}


@dataclass(frozen=True, slots=True)
class World:
    """All that runs."""

    gate: Gateway
    key: str
    apps: dict[str, Echo]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Envoy, authorizer, and apps that take whatever reaches them."""
    folder = tmp_path_factory.mktemp("wire")
    ports = {"18081": free_port(), "18082": free_port(), "18083": free_port()}
    definitions = copied(DEFS, folder / "defs", ports)
    (definitions / "shipping.binpb").write_bytes(descriptor_set())
    with ExitStack() as stack:
        apps = {
            name: stack.enter_context(echo(port)) for name, port in zip(WHERE, ports.values(), strict=True)
        }
        gate = stack.enter_context(gateway(folder, definitions, "--access-log", ""))
        key = gate.key("prober", "everything")
        plain = next(one for one in CASES if one.name == "rest-plain")
        deadline = time.monotonic() + PATIENCE
        while _http1(gate.port, plain, key) in {401, 503}:
            assert time.monotonic() < deadline, "the key was never learned of"
        yield World(gate, key, apps)


def _lines(case: Case, key: str) -> list[tuple[str, str]]:
    content = case.content
    found = [*case.headers, ("authorization", f"Bearer {key}")]
    if content or case.method in {"POST", "PUT"}:
        found.append(("content-length", str(len(content))))
    return found


def _http1(port: int, case: Case, key: str) -> int:
    """The status of the answer to the request as its file has it, byte for byte."""
    head = [f"{case.method} {case.path} HTTP/1.1", f"host: {WHERE[case.to]}"]
    head += [f"{name}: {value}" for name, value in _lines(case, key)]
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=case.method, target="/", headers=[("host", "x")]))
    client.send(h11.EndOfMessage())
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall("\r\n".join([*head, "", ""]).encode("latin-1") + case.content)
        while True:
            event = client.next_event()
            if event is h11.NEED_DATA:
                client.receive_data(connection.recv(65536))
            elif isinstance(event, h11.Response):
                headers = {name.decode(): value.decode() for name, value in event.headers}
                return _status(event.status_code, headers.get("grpc-status"))
            else:
                return 0


def _status(http: int, grpc: str | None) -> int:
    """HTTP's, or gRPC's below zero."""
    return http if grpc in {None, "0"} else -int(grpc or 0)


def _http2(port: int, case: Case, key: str) -> int:
    """The same as an HTTP/2 stream; 0 when Envoy resets it."""
    configuration = h2.config.H2Configuration(
        header_encoding="latin-1", validate_outbound_headers=False, normalize_outbound_headers=False
    )
    client = h2.connection.H2Connection(configuration)
    client.initiate_connection()
    pseudo = [
        (":method", case.method),
        (":scheme", "http"),
        (":authority", WHERE[case.to]),
        (":path", case.path),
    ]
    # HTTP/2 has no `connection` header: one is malformed by itself.
    client.send_headers(1, pseudo + _lines(case, key), end_stream=not case.content)
    if case.content:
        client.send_data(1, case.content, end_stream=True)
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
        connection.sendall(client.data_to_send())
        while data := connection.recv(65536):
            for event in client.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived):
                    headers = {str(name): str(value) for name, value in event.headers or ()}
                    return _status(int(headers[":status"]), headers.get("grpc-status"))
                if isinstance(event, h2.events.StreamReset | h2.events.ConnectionTerminated):
                    return 0
            connection.sendall(client.data_to_send())
    return 0


def _decided(world: World, case: Case, speak: Callable[[int, Case, str], int]) -> int:
    """The status, once the authorizer was in time: where it is late, Envoy refuses (503)."""
    deadline = time.monotonic() + PATIENCE
    while True:
        status = speak(world.gate.port, case, world.key)
        if status not in {503, -14} or case.to == "shipping" or time.monotonic() > deadline:
            return status


@pytest.mark.parametrize("speak", [_http1, _http2], ids=["http1", "http2"])
@pytest.mark.parametrize("case", CASES, ids=[one.name for one in CASES])
def test_a_refused_case_never_reaches_the_app(
    world: World, case: Case, speak: Callable[[int, Case, str], int]
) -> None:
    """Whatever Envoy, the authorizer, or both make of it; and an ordinary request does reach it."""
    app = world.apps[case.to]
    app.seen.clear()

    status = _decided(world, case, speak)

    if case.mended:
        # Envoy reads it in its own way, and the app gets what was judged: that way, and nothing of the other.
        assert {one[1] for one in app.seen} <= {case.mended}
        assert all(one[2]["x-persona-user"] == "alice@example.com" for one in app.seen)
    elif "refused" in case.expect:
        assert app.seen == []
        assert status in BY_ENVOY or status <= 0, status
    elif case.expect["reads"].get("tool") is False or case.expect["reads"]["kind"] == "unknown":
        assert app.seen == []
    elif case.to == "shipping":
        # The app that remembers speaks no HTTP/2: that Envoy tried it is all that shows.
        assert status in {503, -14}
    else:
        assert [one[0] for one in app.seen] == [case.method], status
        assert app.seen[0][2].get("x-persona-user") == "alice@example.com"
        assert world.key not in str(app.seen)
