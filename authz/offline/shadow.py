"""What personas in shadow mode would have refused, day by day, and whether a person looked at it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, TypeAlias

from authz.offline.drawing import COLOURS, bars, legend, listed, over_time, said, section, stacked, whole
from authz.offline.formats.trail import TrailReader
from authz.offline.judging import Judge, Word
from authz.offline.tally import by_size
from authz.offline.told import BadLineError, Ended, Told

Record: TypeAlias = Mapping[str, object]
REVIEWED: Final = "shadow.reviewed"
PROMOTED: Final = "shadow.promoted"
MOST: Final = 10_000


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """What a person reviews at once: one agent, one tool, one set of reasons, under one persona."""

    persona: str
    agent: str
    called: str
    codes: str

    @property
    def name(self) -> str:
        """As it is written on a command line."""
        return f"{self.agent} {self.called} {self.codes}"


@dataclass(slots=True)
class Would:
    """Calls that would have been refused."""

    first: str
    """Id of the first decision."""
    detail: str
    calls: int = 0
    still: int = 0
    """Those that would be refused, or nobody can tell of, under the definitions of today."""
    days: Counter[date] = field(default_factory=Counter)
    last: str = ""
    reviewed: str = ""
    """Who looked at it and when; empty when nobody did."""


@dataclass(slots=True)
class Shadow:
    """All of it."""

    found: dict[Key, Would] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)
    """Calls that were let through, by persona."""
    days: dict[str, Counter[date]] = field(default_factory=dict)
    """Would-be denials by persona and day."""
    begin: date | None = None
    end: date | None = None

    def remaining(self, persona: str) -> list[tuple[Key, Would]]:
        """What would still be refused and nobody has looked at."""
        return sorted(
            (key, one)
            for key, one in self.found.items()
            if key.persona == persona and one.still and not one.reviewed
        )

    def span(self) -> list[date]:
        """The days from the first to the last."""
        if self.begin is None or self.end is None:
            return []
        return [self.begin + timedelta(days=one) for one in range((self.end - self.begin).days + 1)]


def gather(records: Iterable[Record], since: str, judge: Judge | None) -> Shadow:
    """What the trail tells of shadow mode.

    Args:
        records: Of the trail, by time.
        since: The first instant that counts, spelled as records spell it.
        judge: Definitions of today; without them everything that would have been refused still would be.
    """
    shadow = Shadow()
    reader = TrailReader()
    for record in records:
        if str(record.get("at", "")) < since:
            continue
        if record.get("kind") == "event":
            _reviewed(shadow, record)
            continue
        refusing = _still(reader, record, judge)
        if record.get("kind") == "decision" and record.get("effect") != "denied":
            _add(shadow, record, still=refusing)
    return shadow


def _still(reader: TrailReader, record: Record, judge: Judge | None) -> bool:
    """Whether the call would be refused today as well, or nobody can tell."""
    if judge is None:
        return True
    try:
        told = list(reader.read(dict(record)))
    except BadLineError:
        return True
    word = Word.ALLOW
    for one in told:
        if isinstance(one, Ended):
            judge.ended(one)
        elif isinstance(one, Told):
            word = judge.decide(one).word
    return word is not Word.ALLOW


def _add(shadow: Shadow, record: Record, *, still: bool) -> None:
    persona = _text(record, "persona", "name") or ""
    day = datetime.fromisoformat(str(record.get("at"))).date()
    shadow.begin = day if shadow.begin is None else min(shadow.begin, day)
    shadow.end = day if shadow.end is None else max(shadow.end, day)
    shadow.calls[persona] += 1
    if record.get("effect") != "shadowed":
        return
    shadow.days.setdefault(persona, Counter())[day] += 1
    key = key_of(record)
    one = shadow.found.get(key)
    if one is None:
        if len(shadow.found) >= MOST:
            return
        one = shadow.found[key] = Would(str(record.get("id")), next(_details(record), ""))
    one.calls += 1
    one.still += still
    one.days[day] += 1
    one.last = str(record.get("at"))


def key_of(record: Record) -> Key:
    """What the record belongs to."""
    called = f"{_text(record, 'action', 'app') or '?'}/{_text(record, 'action', 'tool') or '?'}"
    codes = ",".join(sorted({str(one.get("code")) for one in _reasons(record)}))
    return Key(_text(record, "persona", "name") or "", _text(record, "agent", "id") or "", called, codes)


def _reviewed(shadow: Shadow, record: Record) -> None:
    event = record.get("event")
    if not isinstance(event, Mapping) or event.get("what") != REVIEWED:
        return
    key = Key(*(str(event.get(name) or "") for name in ("persona", "agent", "called", "codes")))
    one = shadow.found.get(key)
    if one is not None:
        one.reviewed = f"{event.get('by')} at {record.get('at')}: {event.get('reason')}"


def _reasons(record: Record) -> list[Mapping[str, object]]:
    found = record.get("reasons")
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []


def _details(record: Record) -> Iterator[str]:
    for one in _reasons(record):
        yield str(one.get("detail") or "")


def _text(record: Record, part: str, name: str) -> str | None:
    found = record.get(part)
    value = found.get(name) if isinstance(found, Mapping) else None
    return value if isinstance(value, str) else None


def converging(days: Counter[date], span: list[date]) -> str:
    """Whether would-be denials become fewer: the second half of the days against the first."""
    if len(span) < 2:  # noqa: PLR2004 - one day shows no trend
        return "one day: too early to tell"
    half = len(span) // 2
    before, after = (sum(days[one] for one in part) for part in (span[:half], span[-half:]))
    if not before and not after:
        return "none"
    if not after:
        return "none in the second half"
    if after < before:
        return f"fewer: {before} then {after}"
    return f"not fewer: {before} then {after}"


def page(shadow: Shadow, title: str) -> str:
    """The report as one HTML file."""
    rows = sorted(shadow.found.items(), key=lambda pair: (bool(pair[1].reviewed), -pair[1].calls, pair[0]))
    by_agent: dict[str, Counter[str]] = {}
    by_reason: Counter[str] = Counter()
    over: defaultdict[date, Counter[str]] = defaultdict(Counter)
    for key, one in rows:
        by_agent.setdefault(key.agent, Counter())["shadowed"] += one.calls
        by_reason.update(dict.fromkeys(key.codes.split(","), one.calls))
        for day, count in one.days.items():
            over[day]["shadowed"] += count
    days = [(f"{day}", over[day]) for day in shadow.span()]
    trends = [
        (f"{name}: {converging(counts, shadow.span())}", "", "#546e7a")
        for name, counts in shadow.days.items()
    ]
    return whole(
        "Agent Personas: shadow",
        [
            "<h1>What would have been refused</h1>",
            f"<p>{said(title)}: {shadow.calls.total()} calls were let through.</p>",
            legend({"shadowed": sum(one.calls for one in shadow.found.values())}),
            section("Day by day", over_time(days, ("shadowed",), "one day")),
            section("Does it converge?", listed((said(head), text, colour) for head, text, colour in trends)),
            section("By agent", stacked(by_size(by_agent), ("shadowed",))),
            section("By reason", bars(by_reason, COLOURS["shadowed"])),
            section("To be reviewed", listed(_entry(key, one) for key, one in rows if not one.reviewed)),
            section("Reviewed", listed(_entry(key, one) for key, one in rows if one.reviewed)),
        ],
    )


def _entry(key: Key, one: Would) -> tuple[str, str, str]:
    head = f"<strong>{said(key.codes)}</strong> <code>{said(key.called)}</code>, {one.calls} calls"
    text = f"agent {said(key.agent)} under {said(key.persona)}, first {said(one.first)}: {said(one.detail)}"
    if one.reviewed:
        text += f"<br>reviewed by {said(one.reviewed)}"
    elif not one.still:
        text += "<br>the definitions of today allow it"
    return head, text, COLOURS["undecided" if one.reviewed else "shadowed"]
