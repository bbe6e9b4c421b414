"""Values in other people's JSON."""

from datetime import UTC, datetime

import pytest

from authz.offline.formats.fields import Apps, arguments, instant, members, number, text
from authz.offline.told import BadLineError
from tests.compiler.world import compiled


@pytest.mark.parametrize(
    "value",
    ["2026-03-02T10:00:00Z", "2026-03-02T11:00:00+01:00", "2026-03-02 10:00:00", 1772445600, 1772445600.0],
)
def test_an_instant_is_read_in_the_usual_spellings(value: object) -> None:
    """Loggers spell time in many ways; without an offset it is UTC."""
    assert instant(value) == datetime(2026, 3, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize("value", ["soon", 1e30, True, [], "0001-01-01T00:00:00Z"])
def test_what_is_no_instant_is_refused(value: object) -> None:
    """A wrong instant would move every window."""
    with pytest.raises(BadLineError):
        instant(value)


def test_nothing_is_read_as_nothing() -> None:
    """A dash, an empty text and null all say that the logger had nothing to say."""
    assert instant(None) is None
    assert text({"a": "-", "b": "", "c": "x"}, "a", "b", "c") == "x"
    assert number({"a": True, "b": "x", "c": "12"}, "a", "b", "c") == 12
    assert members("{broken") == {}
    assert arguments("[1]") is None


def test_an_app_is_found_by_name_by_prefix_or_by_its_tool() -> None:
    """Gateways call the same app by many names."""
    apps = Apps(compiled().definitions.apps)

    assert apps.find("get_ticket", ["tickets"]) == ("tickets", "get_ticket")
    assert apps.find("tickets__get_ticket", []) == ("tickets", "get_ticket")
    assert apps.find("tickets-get_ticket", ["tickets"]) == ("tickets", "get_ticket")
    assert apps.find("get_ticket", ["some-gateway"]) == ("tickets", "get_ticket")
    assert apps.find("unheard_of", ["some-gateway"]) == ("some-gateway", "unheard_of")
    assert apps.find("unheard_of", []) == (None, "unheard_of")
