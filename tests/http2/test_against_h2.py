"""Another implementation as the client: python-hyper's `h2` speaks, and judges every byte that we send."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import h2.events
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.settings import SettingCodes
from hypothesis import given, settings
from hypothesis import strategies as st

from authz.http2 import Connection, Limits
from tests.http2.wire import FIELDS, message

LIMITS = Limits(concurrent_streams=64, stream_window=65_535, connection_window=70_000, message_bytes=300_000)
MOST_CUTS = 300
Action = Callable[["World"], None]


@dataclass(slots=True)
class Asked:
    """A call as its client sees it."""

    unsent: bytes
    content: bytes
    status: str = ""
    body: bytes = b""
    ended: bool = False
    reset: bool = False


@dataclass(slots=True)
class World:
    """Both ends and what lies between them."""

    cuts: Sequence[int]
    client: H2Connection = field(
        default_factory=lambda: H2Connection(H2Configuration(client_side=True, header_encoding=None))
    )
    server: Connection = field(default_factory=lambda: Connection(LIMITS, 0.0))
    asked: dict[int, Asked] = field(default_factory=dict)
    waiting: list[tuple[int, bytes]] = field(default_factory=list)
    unread: int = 0
    pongs: int = 0
    turn: int = 0

    def travel(self) -> None:
        """Carry bytes both ways until neither end has any left."""
        while True:
            self._send_bodies()
            sent, back = self.client.data_to_send(), self.server.take()
            if not sent and not back:
                return
            while sent:
                size = self.cuts[self.turn % len(self.cuts)] if self.turn < MOST_CUTS else len(sent)
                self.turn += 1
                received = self.server.receive(sent[:size], 0.0)
                self.waiting = [one for one in self.waiting if one[0] not in received.cancelled]
                self.waiting += [(one.stream_id, one.message) for one in received.calls]
                sent = sent[size:]
            while back:
                # One frame at a time: `h2` sees a changed frame size only when it is handed the next bytes.
                size = 9 + int.from_bytes(back[:3], "big")
                for event in self.client.receive_data(back[:size]):
                    self._note(event)
                back = back[size:]

    def _send_bodies(self) -> None:
        for stream_id, one in self.asked.items():
            while one.unsent and not one.reset and not one.ended:
                room = min(
                    self.client.local_flow_control_window(stream_id), self.client.max_outbound_frame_size
                )
                if room <= 0:
                    break
                part, one.unsent = one.unsent[:room], one.unsent[room:]
                self.client.send_data(stream_id, part, end_stream=not one.unsent)

    def _note(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.DataReceived():
                self.asked[event.stream_id].body += event.data
                self.unread += event.flow_controlled_length
            case h2.events.TrailersReceived():
                self.asked[event.stream_id].status = dict(event.headers)[b"grpc-status"].decode()
            case h2.events.ResponseReceived():
                self.asked[event.stream_id].status = dict(event.headers).get(b"grpc-status", b"").decode()
            case h2.events.StreamEnded():
                self.asked[event.stream_id].ended = True
            case h2.events.PingAckReceived():
                self.pongs += 1
            case h2.events.StreamReset() | h2.events.ConnectionTerminated():
                raise AssertionError(event)
            case _:
                pass


def ask(size: int) -> Action:
    """Begin a call, if the server lets us."""

    def act(world: World) -> None:
        if world.client.open_outbound_streams >= world.client.remote_settings.max_concurrent_streams:
            return
        stream_id = world.client.get_next_available_stream_id()
        content = bytes((stream_id % 251,)) * size
        world.client.send_headers(stream_id, [*FIELDS, (b"x-turn", b"%d" % stream_id)])
        world.asked[stream_id] = Asked(unsent=message(content), content=content)

    return act


def cancel(which: int) -> Action:
    """Reset a call that is not done."""

    def act(world: World) -> None:
        going = [stream_id for stream_id, one in world.asked.items() if not one.ended and not one.reset]
        if going:
            stream_id = going[which % len(going)]
            world.client.reset_stream(stream_id, ErrorCodes.CANCEL)
            world.asked[stream_id].reset = True

    return act


def answer(many: int) -> Action:
    """The server answers the calls that it has had for longest."""

    def act(world: World) -> None:
        for stream_id, content in world.waiting[:many]:
            world.server.answer(stream_id, content, 0.0)
        del world.waiting[:many]

    return act


def ping(_: int) -> Action:
    """A PING."""
    return lambda world: world.client.ping(b"8 bytes.")


def resize(window: int) -> Action:
    """Other windows and frames from now on."""

    def act(world: World) -> None:
        world.client.update_settings(
            {SettingCodes.INITIAL_WINDOW_SIZE: window, SettingCodes.MAX_FRAME_SIZE: 16_384 + window}
        )

    return act


def read(_: int) -> Action:
    """Take what has come, so that the windows open again."""

    def act(world: World) -> None:
        if world.unread:
            world.client.increment_flow_control_window(world.unread)
            world.unread = 0
        for stream_id, one in world.asked.items():
            if not one.ended and not one.reset:
                world.client.increment_flow_control_window(5000, stream_id)

    return act


sizes = st.integers(0, 40) | st.integers(0, 40_000) | st.just(150_000)
actions = st.one_of(
    st.builds(ask, sizes),
    st.builds(ask, sizes),
    st.builds(cancel, st.integers(0, 9)),
    st.builds(answer, st.integers(1, 5)),
    st.builds(ping, st.just(0)),
    st.builds(resize, st.sampled_from([0, 1, 10, 1000, 65_535, 100_000])),
    st.builds(read, st.just(0)),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(actions, min_size=12, max_size=40),
    st.lists(st.integers(1, 5000), min_size=1, max_size=10),
    st.booleans(),
)
def test_every_call_gets_its_own_answer(acts: list[Action], cuts: list[int], lazy: bool) -> None:  # noqa: FBT001 - drawn
    """Whatever is asked, cancelled and cut in between: nothing illegal is said, lost or mixed up."""
    world = World(cuts)
    world.client.initiate_connection()
    for act in acts:
        act(world)
        if not lazy:
            world.travel()

    resize(65_535)(world)
    for _ in range(2000):
        world.travel()
        if not world.waiting and all(one.ended or one.reset for one in world.asked.values()):
            break
        answer(len(world.waiting))(world)
        read(0)(world)

    assert world.server.fault is None
    for one in world.asked.values():
        assert one.reset or (one.status, one.body) == ("0", message(one.content))
    assert world.pongs == sum(act.__qualname__.startswith("ping") for act in acts)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["x-a", "traceparent", "cookie"]), st.text("abc019-", max_size=60)),
        max_size=6,
    ),
    st.integers(1, 9),
)
def test_metadata_arrives_as_it_was_sent(sent: list[tuple[str, str]], times: int) -> None:
    """Through `h2`'s compression, before and after our SETTINGS are acknowledged, remembered or not."""
    client = H2Connection(H2Configuration(client_side=True, header_encoding=None))
    server = Connection(Limits(), 0.0)
    client.initiate_connection()
    more = [(name.encode(), value.encode()) for name, value in sent]
    expected: dict[str, str] = {}
    for name, value in sent:
        expected[name] = f"{expected[name]},{value}" if name in expected else value

    for at in range(times):
        stream_id = client.get_next_available_stream_id()
        client.send_headers(stream_id, [*FIELDS, *more, (b"x-at", b"%d" % at)])
        client.send_data(stream_id, message(b"a"), end_stream=True)
        (one,) = server.receive(client.data_to_send(), 0.0).calls
        server.answer(one.stream_id, b"", 0.0)
        client.receive_data(server.take())
        cookies = expected.get("cookie", "")
        assert {**one.metadata, "cookie": cookies} == {**expected, "x-at": str(at), "cookie": cookies}
