"""The report of a replay as a page."""

import re

from authz.offline.drawing import said
from authz.offline.page import page
from authz.offline.reading import Format, Reading, reader_of
from authz.offline.tally import Tally
from tests.compiler.world import compiled
from tests.offline.logs import judged, line


def drawn(*values: object) -> str:
    """The page of a log."""
    tally = Tally()
    for index, one in enumerate(judged(*values)):
        tally.add(index, one)
    return page(
        tally, "calls.jsonl", "defs", Reading([], reader_of(Format.CALLS, compiled().definitions, {}))
    )


def test_the_page_loads_nothing_from_anywhere() -> None:
    """It is opened where there is no network, and must tell nobody that it was."""
    html = drawn(line(), line(1, tool="close_ticket"))

    assert "default-src 'none'" in html
    assert not re.search(r"(?:src|href)=[\"'](?!data:)", html)
    assert "<script" not in html
    assert "url(" not in html


def test_it_shows_reasons_layers_agents_and_the_calls_to_look_at() -> None:
    """What a person asks first stands first."""
    html = drawn(line(), line(1, tool="close_ticket"), line(2, persona=None, agent={"id": "x"}))

    assert html.index("Over time") < html.index("By agent") < html.index("Denied, by reason")
    assert "tool.not-granted" in html
    assert "tickets/close_ticket" in html
    assert "Calls a person should look at" in html


def test_what_agents_call_themselves_is_text() -> None:
    """A log is somebody else's word."""
    html = drawn(line(agent={"id": "<script>alert(1)</script>"}), line(1, tool="<img src=x>"))

    assert "<script" not in html
    assert "<img" not in html
    assert said("\x1b[31m") == r"\x1b[31m"


def test_nothing_is_said_where_there_is_nothing() -> None:
    """An empty log gives a page as well."""
    assert drawn().count("Nothing.") >= 5
