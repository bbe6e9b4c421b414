"""What `audit tail` and `audit show` are asked for."""

from datetime import timedelta

import pytest

from authz.audit.filter import Filter, read_since
from tests.audit.samples import AT, DENY, record


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        ({}, True),
        ({"agent": "support-summarizer"}, True),
        ({"agent": "other"}, False),
        ({"user": "alice@example.com", "decision": "deny"}, True),
        ({"decision": "allow"}, False),
        ({"persona": "support-summarizer", "app": "billing", "tool": "adjust_balance"}, True),
        ({"tool": "get_balance"}, False),
        ({"reason": "tool.not-granted"}, True),
        ({"reason": "tool"}, True),
        ({"reason": "too"}, False),
    ],
)
def test_a_record_passes_if_all_that_is_asked_for_holds(
    wanted: dict[str, str | None], *, passes: bool
) -> None:
    """Filters narrow: each one more shows less."""
    assert Filter.of(wanted, None, AT).passes(record(1, DENY)) is passes


@pytest.mark.parametrize(("since", "passes"), [("1s", True), ("2026-05-04T09:30:01Z", False), ("1d", True)])
def test_since_is_a_duration_or_an_instant(since: str, *, passes: bool) -> None:
    """Both are what people type."""
    assert Filter.of({}, since, AT).passes(record(1)) is passes


@pytest.mark.parametrize("text", ["", "yesterday", "5", "2026-05-04T09:30:01", "99999999999999d"])
def test_what_is_no_instant_is_refused(text: str) -> None:
    """A filter that is silently ignored shows the wrong records."""
    with pytest.raises(ValueError, match="--since"):
        read_since(text, AT)


def test_a_decision_that_is_none_is_refused() -> None:
    """A typing error must not show an empty trail."""
    with pytest.raises(ValueError, match="--decision"):
        Filter.of({"decision": "denied"}, None, AT)


def test_a_duration_counts_back_from_now() -> None:
    """`15m` is fifteen minutes ago."""
    assert read_since("15m", AT) == AT - timedelta(minutes=15)
