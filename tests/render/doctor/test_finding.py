"""Findings as values."""

from authz.render.doctor.finding import CHANGES, Finding, Mistake


def test_findings_stand_by_place() -> None:
    """An operator mends one place after the other."""
    later = Finding(place="listener `b`", mistake=Mistake.FAILS_OPEN, found="x")
    sooner = Finding(place="listener `a`", mistake=Mistake.TIMEOUT, found="x")

    assert sorted([later, sooner]) == [sooner, later]
    assert later.change == CHANGES[Mistake.FAILS_OPEN]
