"""Which records are asked for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from authz.audit.record import instant

_DURATION = re.compile(r"(\d+)([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Filter:
    """What a record must say; all of it."""

    wanted: Mapping[str, str]
    """By `agent`, `user`, `persona`, `app`, `tool`, `decision` or `reason`."""
    since: str = ""
    """An instant as records spell it; empty means any."""

    @classmethod
    def of(cls, wanted: Mapping[str, str | None], since: str | None, now: datetime) -> Self:
        """What options ask for.

        Raises:
            ValueError: a decision that is none, or an instant that can't be read.
        """
        given = {name: text for name, text in wanted.items() if text is not None}
        if given.get("decision", "allow") not in {"allow", "deny"}:
            raise ValueError(f"--decision `{given['decision']}`: `allow` or `deny`")
        return cls(given, instant(read_since(since, now)) if since is not None else "")

    def passes(self, record: Mapping[str, object]) -> bool:
        """Whether `record` is asked for."""
        if self.since and str(record.get("at", "")) < self.since:
            return False
        return all(_says(record, name, text) for name, text in self.wanted.items())


def read_since(text: str, now: datetime) -> datetime:
    """`15m` before `now`, or an RFC 3339 instant.

    Raises:
        ValueError: it is neither.
    """
    found = _DURATION.fullmatch(text)
    try:
        if found:
            return now - timedelta(**{_UNITS[found[2]]: int(found[1])})
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        at = None
    if at is None or at.tzinfo is None:
        raise ValueError(
            f"--since `{text}`: a duration as in `15m`, or an instant as in `2026-05-01T00:00:00Z`"
        )
    return at


def _says(record: Mapping[str, object], name: str, text: str) -> bool:
    match name:
        case "user" | "decision":
            return record.get(name) == text
        case "agent":
            return _within(record, "agent", "id") == text
        case "persona":
            return _within(record, "persona", "name") == text
        case "app" | "tool":
            return _within(record, "action", name) == text
        case _:
            reasons = record.get("reasons")
            codes = [str(one["code"]) for one in reasons] if isinstance(reasons, list) else []
            return any(code == text or code.startswith(f"{text}.") for code in codes)


def _within(record: Mapping[str, object], outer: str, inner: str) -> object:
    value = record.get(outer)
    return value.get(inner) if isinstance(value, Mapping) else None
