"""The figures of a replay: exact, and of bounded size."""

from datetime import UTC, datetime, timedelta

from authz.offline.tally import MOST_NAMES, REST, Tally, Timeline
from tests.compiler.world import WHOLE
from tests.offline.logs import behaving, judged, line


def tallied(*values: object, rules: str = "") -> Tally:
    """The figures of a log."""
    tally = Tally()
    text = behaving(rules) if rules else WHOLE
    for index, one in enumerate(judged(*values, text=text)):
        tally.add(index, one)
    return tally


def test_every_call_is_counted_once() -> None:
    """Allowed, flagged, denied and undecided are all calls together."""
    rules = "  limits: [{name: pace, calls: 1, per: 1m, on_drift: flag}]"
    tally = tallied(line(0), line(1), line(2, tool="close_ticket"), line(3, persona=None), rules=rules)

    assert tally.calls == 4 == tally.ends.total()
    assert (tally.allowed, tally.ends["flagged"], tally.ends["denied"]) == (3, 2, 1)
    assert tally.by_reason == {"tool.not-granted": 1}
    assert tally.flagged_for == {"behaviour.limit": 2}


def test_the_first_example_of_each_reason_and_layer_is_kept() -> None:
    """A person looks at one call of each kind."""
    tally = tallied(line(), *(line(one, app="billing", tool="adjust_balance") for one in range(1, 4)))

    assert tally.by_layer == {"tool": 3, "data": 3}
    assert (tally.first["tool.not-granted"].index, tally.first["data.not-allowed"].index) == (1, 1)
    assert [one.calls for one in tally.findings.values()] == [3]


def test_names_beyond_bound_are_counted_together() -> None:
    """An agent that makes up names does not fill memory."""
    tally = tallied(*(line(0, agent={"id": f"a{one}"}) for one in range(MOST_NAMES + 50)))

    assert len(tally.by_agent) == MOST_NAMES + 1
    assert tally.by_agent[REST].total() == 50


def test_the_timeline_grows_coarser_and_loses_nothing() -> None:
    """A year and a minute both fit on the page."""
    timeline = Timeline()
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    for hour in range(24 * 365):
        timeline.add(begin + timedelta(hours=hour), "allowed")

    rows = timeline.rows()
    assert 1 < len(rows) <= 120
    assert sum(counts.total() for _, counts in rows) == 24 * 365
