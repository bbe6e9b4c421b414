"""Routes, taken apart."""

from authz.core.app import App
from authz.core.definitions import Definitions
from authz.render import Choices, upstreams_of
from authz.render.mesh.ways import ways


def test_every_route_has_a_name_of_its_own_and_an_end() -> None:
    """A mesh patches by name, and a stream is judged again when it is opened again."""
    app = App(name="crm", protocol="mcp", url="http://crm.apps/mcp", hosts=frozenset({"crm.x"}))
    routed, dropped = ways(upstreams_of(Definitions(apps={"crm": app}))[0], Choices(stream_seconds=60))

    assert len({one.name for one in routed}) == len(routed) == 8
    assert {one.seconds for one in routed} == {60}
    assert {one.hosts for one in routed} == {("*",), ("crm.x",)}
    assert "x-agent-access-key" in dropped
