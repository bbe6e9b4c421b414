"""CEF lines: one line each, escaped, whoever chose the text."""

from hypothesis import given
from hypothesis import strategies as st

from authz.audit.cef import cef_line
from tests.audit.samples import DENY, record

HEADER_FIELDS = 8


def test_a_denied_call_is_told_in_cef() -> None:
    """Agent, user, persona, tool, time and decision: all that an analyst asks first."""
    line = cef_line(record(1, DENY), "0.1.0")

    assert line.startswith(
        "CEF:0|Agent Personas|Agent Personas|0.1.0|tool.not-granted|deny adjust_balance|6|"
    )
    for part in (
        "rt=1777887000124",
        "act=deny",
        "outcome=denied",
        "suser=alice@example.com",
        "cs1=support-summarizer cs1Label=agent",
        "cs2=support-summarizer cs2Label=persona",
        "cs3=adjust_balance cs3Label=tool",
        "src=10.1.2.3",
    ):
        assert f" {part}" in line or f"|{part}" in line


@given(st.text())
def test_no_text_breaks_out_of_its_field(text: str) -> None:
    """The agent chooses a tool's name: it must not forge fields or lines."""
    made = record(1, DENY)
    made["user"] = text
    action = made["action"]
    assert isinstance(action, dict)
    action["tool"] = text

    line = cef_line(made, "1|2")

    assert len(line.splitlines()) == 1
    plain = line.replace("\\\\", "").replace("\\|", "")
    assert len(plain.split("|", HEADER_FIELDS - 1)) == HEADER_FIELDS
    extension = line.replace("\\\\", "").replace("\\=", "").replace("\\|", "").split("|", 7)[7]
    assert extension.count("act=") == 1
