"""Each kind of drift as a file: a `behaviour:` block, a run of calls, and the call at which it fires."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from authz.cli.offline import judged
from authz.compiler import Compiled, SourceFile, compile_set
from authz.compiler.written.cases import CallLine
from authz.core.decision import Effect
from authz.core.history import Outcome
from authz.core.reason import Reason
from authz.stores.histories_memory import MemoryHistories

FOLDER = Path(__file__).parent
MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)
WORLD = (FOLDER / "world.yaml").read_text(encoding="utf-8")
FILES = sorted(one for one in FOLDER.glob("*.yaml") if one.name != "world.yaml")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Step(BaseModel):
    """One call, or several at the same distance."""

    model_config = ConfigDict(extra="forbid")
    after: str = "1s"
    """Time since the call before."""
    times: int = Field(1, ge=1)
    user: str = "alice@example.com"
    tool: str
    args: dict[str, JsonValue] = {}
    outcome: Literal["ok", "not_found", "denied", "error"] | None = "ok"
    sent: int = 0
    expect: Literal["allow", "deny", "flag", "shadow"] = "allow"
    """Of each of them."""
    reasons: list[str] = []


class Scenario(BaseModel):
    """What is declared, what is done, what comes of it."""

    model_config = ConfigDict(extra="forbid")
    why: str
    mode: Literal["enforce", "shadow"] = "enforce"
    start: datetime = MONDAY
    behaviour: dict[str, JsonValue]
    calls: list[Step]


def seconds(text: str) -> float:
    """`71s`, `1.5h`."""
    return float(text[:-1]) * UNITS[text[-1]]


def compiled(scenario: Scenario) -> Compiled:
    """The world with this behaviour."""
    documents = list(yaml.safe_load_all(WORLD))
    persona = next(one for one in documents if one["kind"] == "Persona")
    persona["behaviour"] = scenario.behaviour
    persona["mode"] = scenario.mode
    return compile_set([SourceFile("world.yaml", yaml.safe_dump_all(documents).encode())])


EFFECTS = {
    "allow": Effect.ALLOWED,
    "deny": Effect.DENIED,
    "flag": Effect.FLAGGED,
    "shadow": Effect.SHADOWED,
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_drift_is_seen_at_the_call_that_drifts(path: Path) -> None:
    """Neither a call later nor a call earlier."""
    scenario = Scenario.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    world = compiled(scenario)
    persona = world.definitions.personas["coder"]
    histories = MemoryHistories()
    at = scenario.start
    found: list[tuple[int, Effect, list[str]]] = []
    expected: list[tuple[int, Effect, list[str]]] = []
    for number, step in enumerate(scenario.calls):
        for turn in range(step.times):
            at += timedelta(seconds=seconds(step.after))
            name = f"{number}.{turn}"
            line = CallLine.model_validate(
                {
                    "at": at.isoformat(),
                    "user": step.user,
                    "app": "files",
                    "tool": step.tool,
                    "args": step.args,
                }
            )
            one = judged(line, persona, world, histories, name)
            effect = one.decision.effect
            if step.outcome is not None and effect.passes:
                ended = at + timedelta(milliseconds=5)
                histories.outcome(Outcome(decision=name, at=ended, outcome=step.outcome, sent=step.sent))
            found.append((number, effect, sorted({reason.reason.value for reason in one.reasons})))
            expected.append((number, EFFECTS[step.expect], sorted(step.reasons)))

    assert found == expected


def test_every_reason_of_layer_4_has_a_scenario() -> None:
    """A code that no scenario shows is a promise that nobody keeps."""
    shown = {
        code
        for path in FILES
        for step in yaml.safe_load(path.read_text(encoding="utf-8"))["calls"]
        for code in step.get("reasons", [])
    }

    assert shown == {reason.value for reason in Reason if reason.family == "behaviour"}
