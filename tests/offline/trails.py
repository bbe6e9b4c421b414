"""A trail as the service would have written it, for definitions of the compiler's tests."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from authz.audit import Digester, Fact, decision_record
from authz.behaviour import lets_pass
from authz.compiler.calllog import recorded
from authz.compiler.written.cases import CallLine
from authz.core.decide import conclude, judge
from authz.core.request import Request
from authz.stores.histories_memory import MemoryHistories
from authz.stores.trail import Trail
from tests.compiler.world import compiled

DIGESTER = Digester(b"k" * 32)


def records(text: str, calls: Iterable[dict[str, Any]]) -> list[dict[str, object]]:
    """The record of each call, decided in turn."""
    made = compiled(text)
    histories = MemoryHistories()
    found = []
    for number, value in enumerate(calls):
        line = CallLine.model_validate(value)
        persona = made.definitions.personas[line.persona or "support"]
        one = recorded(line, persona, made)
        tool = one.call.action.tool
        call = replace(one.call, classes=frozenset() if tool is None else tool.classes)
        judgement = judge(call, persona, one.user)
        history = histories.observe(call, persona, lets_pass(judgement, persona), decision=f"d{number}")
        fact = Fact(
            id=f"d{number}",
            at=call.at,
            request=Request(),
            decision=conclude(judgement, call, persona, history),
            latency_us=9,
            protocol=call.action.protocol,
            caller=call.caller,
            call=call,
            persona=persona,
            history=history,
        )
        found.append(decision_record(fact, DIGESTER))
    return found


def write(state: Path, text: str, calls: Iterable[dict[str, Any]]) -> None:
    """The records on a trail."""
    with Trail.open(state) as trail:
        trail.append(records(text, calls))


def ago(days: float, second: float = 0) -> str:
    """An instant some days before now."""
    at = datetime.now(UTC) - timedelta(days=days) + timedelta(seconds=second)
    return at.isoformat().replace("+00:00", "Z")
