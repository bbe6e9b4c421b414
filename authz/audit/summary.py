"""What happened in a stretch of time, counted: the figures of the forensic page. Memory is bounded."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from authz.audit.record import instant, sentence

EFFECTS = ("allowed", "denied", "shadowed", "flagged")
SLOTS = 48
"""Bars of the picture over time."""
LATEST = 100


@dataclass(slots=True)
class Summary:
    """Counts of decisions between two instants."""

    begin: datetime
    end: datetime
    total: int = 0
    effects: Counter[str] = field(default_factory=Counter)
    slots: list[Counter[str]] = field(default_factory=lambda: [Counter() for _ in range(SLOTS)])
    personas: dict[str, Counter[str]] = field(default_factory=dict)
    agents: dict[str, Counter[str]] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)
    refused_tools: Counter[str] = field(default_factory=Counter)
    drift: Counter[str] = field(default_factory=Counter)
    """By agent, persona and code of layer 4."""
    outcomes: Counter[str] = field(default_factory=Counter)
    latest: list[str] = field(default_factory=list)
    """Sentences of the last refusals."""

    @property
    def slot(self) -> timedelta:
        """How long one bar is."""
        return max((self.end - self.begin) / SLOTS, timedelta(microseconds=1))

    def add(self, record: Mapping[str, object]) -> None:
        """Count one record; those outside of the time are left out."""
        at = str(record.get("at"))
        if not instant(self.begin) <= at <= instant(self.end):
            return
        if record.get("kind") == "outcome":
            self.outcomes[str(record.get("outcome"))] += 1
            return
        effect = record.get("effect")
        if effect not in EFFECTS:
            return
        many = _of(record, "event").get("count") if record.get("kind") == "folded" else 1
        self._count(record, str(effect), at, many if isinstance(many, int) else 1)

    def _count(self, record: Mapping[str, object], effect: str, at: str, many: int) -> None:
        self.total += many
        self.effects[effect] += many
        index = int((datetime.fromisoformat(at) - self.begin) / self.slot)
        self.slots[min(index, SLOTS - 1)][effect] += many
        agent = str(_of(record, "agent").get("id") or "unknown")
        persona = str(_of(record, "persona").get("name") or "unknown")
        self.agents.setdefault(agent, Counter())[effect] += many
        self.personas.setdefault(persona, Counter())[effect] += many
        action = _of(record, "action")
        if effect == "denied":
            name = action.get("tool") or action.get("method") or "unknown"
            self.refused_tools[f"{action.get('app') or '?'} · {name}"] += many
            self.latest.append(sentence(record))
            del self.latest[:-LATEST]
        reasons = record.get("reasons")
        for one in reasons if isinstance(reasons, list) else []:
            code = str(one["code"])
            self.reasons[code] += many
            if code.startswith("behaviour."):
                self.drift[f"{agent} · {persona} · {code}"] += many


def _of(record: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}
