"""The forensic page loads nothing and runs nothing, whatever the agents were called."""

from datetime import timedelta
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from authz.audit.page import page
from authz.audit.summary import Summary
from tests.audit.samples import AT, DENY, record


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.named: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.named |= {name for name, _ in attrs}


OURS = {
    "html",
    "head",
    "meta",
    "title",
    "style",
    "body",
    "h1",
    "h2",
    "p",
    "strong",
    "span",
    "i",
    "section",
} | {
    "svg",
    "rect",
    "line",
    "text",
    "ol",
    "li",
}


@given(st.text(min_size=1, max_size=40))
def test_no_name_of_an_agent_gets_into_the_markup(name: str) -> None:
    """The page is opened by the people who investigate that agent."""
    made = record(1, DENY)
    made["agent"] = {"id": name + '"><script src=x onerror=y>'}
    made["persona"] = {"name": name}
    summary = Summary(AT - timedelta(hours=1), AT + timedelta(hours=1))
    summary.add(made)

    tags = _Tags()
    tags.feed(page(summary))

    assert tags.seen <= OURS
    assert not {one for one in tags.named if one.startswith("on") or one in {"src", "href"}}


def test_every_section_has_its_picture() -> None:
    """Decisions over time, by persona, agent and reason, refused tools."""
    summary = Summary(AT - timedelta(hours=1), AT + timedelta(hours=1))
    summary.add(record(1))
    summary.add(record(2, DENY))

    assert page(summary).count("<svg") == 5


def test_an_empty_time_is_a_page_too() -> None:
    """Nothing happened is an answer."""
    assert "0</strong> decisions" in page(Summary(AT, AT))
