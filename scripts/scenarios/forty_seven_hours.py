"""The 47 hours: 2,575 calls, 162 missing files, loops every 71 seconds, the same wrong paths over 27 hours.

The figures are the published ones, the seed is fixed, time is simulated. Every call is valid and passes the
first three layers; only what the persona declares about behaviour tells it from work.
"""

import argparse
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from authz.audit import Digester, Fact, decision_record
from authz.behaviour.report import Drift, report
from authz.cli.drift_page import page
from authz.cli.offline import Judged, judged
from authz.compiler import Compiled, SourceFile, compile_set
from authz.compiler.written.cases import CallLine
from authz.core.history import Outcome
from authz.core.reason import Reason
from authz.core.request import Request
from authz.stores.histories_memory import MemoryHistories

CALLS = 2575
MISSING = 162
PERIOD = 71
"""Seconds between two probes of a loop."""
HOURS = 47
AGAIN = 27
"""Hours over which the same wrong paths come back."""
SEED = 47
START = datetime(2026, 1, 5, 8, tzinfo=UTC)
SESSIONS = (0, 7, 14, 20, 27, 34, 41.5)
"""Hours at which a session begins; each lasts for five and a half."""
LASTS = 5.5
LOOPS = 12
"""Missing files that a loop is run on."""
EXPECTED = (4, [1])
"""The first loop is seen at its fourth probe; in every later session, the same path at its first."""
DEFINITIONS = Path(__file__).with_name("47_hours.yaml")


@dataclass(frozen=True, slots=True, order=True)
class Step:
    """One call of the run."""

    second: float
    tool: str
    path: str
    outcome: str
    session: int

    def line(self) -> dict[str, object]:
        """As a line of the call log."""
        return {
            "at": (START + timedelta(seconds=self.second)).isoformat(),
            "agent": {"id": "coding-agent"},
            "user": "dana@example.com",
            "persona": "coding-agent",
            "session": f"session-{self.session}",
            "app": "workspace",
            "tool": self.tool,
            "args": {} if self.tool == "run_tests" else {"path": self.path},
            "outcome": self.outcome,
        }


def run(seed: int = SEED) -> list[Step]:
    """The whole run, in order of time."""
    chance = random.Random(seed)  # noqa: S311 - a run that is the same every time, no secret
    missing = [f"/src/{chance.choice(('core', 'api', 'web', 'jobs'))}/guess_{n}.py" for n in range(MISSING)]
    steps = [*_loops(chance, missing[:LOOPS]), *_guesses(chance, missing[LOOPS:])]
    steps += _work(chance, CALLS - len(steps))
    return sorted(steps)


def _loops(chance: random.Random, paths: list[str]) -> Iterator[Step]:
    """Loops on missing files, one after the other; the same paths again in later sessions."""
    for number, path in enumerate(paths):
        session = number % 3
        begins = SESSIONS[session] * 3600 + 2400 + (number // 3) * 4200
        for turn in range(9 + chance.randrange(12)):
            yield Step(begins + turn * PERIOD, "read_file", path, "not_found", session)
        for later in (3, 4, 5):
            if SESSIONS[later] - SESSIONS[session] <= AGAIN:
                again = SESSIONS[later] * 3600 + chance.randrange(600, int(LASTS * 3600) - 600)
                for turn in range(3):
                    yield Step(again + turn * PERIOD, "read_file", path, "not_found", later)


def _guesses(chance: random.Random, paths: list[str]) -> Iterator[Step]:
    """Missing files that were tried once; the first loop comes before all of them."""
    for path in paths:
        session = chance.randrange(len(SESSIONS))
        second = SESSIONS[session] * 3600 + chance.uniform(2 * 3600, LASTS * 3600)
        yield Step(second, "read_file", path, "not_found", session)


def _work(chance: random.Random, calls: int) -> Iterator[Step]:
    """Ordinary work at the pace of a model that thinks in between."""
    for _ in range(calls):
        session = chance.randrange(len(SESSIONS))
        second = SESSIONS[session] * 3600 + chance.uniform(0, LASTS * 3600)
        tool = chance.choices(("read_file", "write_file", "run_tests"), (6, 3, 1))[0]
        yield Step(second, tool, f"/src/module_{chance.randrange(120)}.py", "ok", session)


@dataclass(frozen=True, slots=True)
class Seen:
    """One call and what was decided."""

    step: Step
    judged: Judged

    @property
    def probe(self) -> bool:
        """Whether it was seen as a probe."""
        return any(one.reason is Reason.BEHAVIOUR_PROBE for one in self.judged.reasons)


def replay(steps: list[Step], compiled: Compiled) -> list[Seen]:
    """Decide every call, and tell the history how it ended."""
    persona = compiled.definitions.personas["coding-agent"]
    histories = MemoryHistories()
    found = []
    for number, step in enumerate(steps):
        line = CallLine.model_validate(step.line())
        one = judged(line, persona, compiled, histories, f"call-{number:04}")
        if one.decision.effect.passes:
            ended = one.call.at + timedelta(milliseconds=20)
            histories.outcome(Outcome(decision=f"call-{number:04}", at=ended, outcome=step.outcome))
        found.append(Seen(step, one))
    return found


def records(seen: list[Seen]) -> Iterator[dict[str, object]]:
    """The run as the trail would tell it."""
    digester = Digester(b"47 hours" * 4)
    for number, one in enumerate(seen):
        call = one.judged.call
        yield decision_record(
            Fact(
                id=f"call-{number:04}",
                at=call.at,
                request=Request(),
                decision=one.judged.decision,
                latency_us=0,
                caller=call.caller,
                call=call,
                persona=one.judged.persona,
                history=one.judged.history,
            ),
            digester,
        )


def first_loop(seen: list[Seen]) -> int:
    """At which of its probes the first loop was flagged; 0 for never."""
    path = next(one.step.path for one in seen if one.step.outcome == "not_found")
    flags = [one.probe for one in seen if one.step.path == path]
    return flags.index(True) + 1 if True in flags else 0


def later_sessions(seen: list[Seen]) -> list[int]:
    """For each file that a loop was run on, and each later session: at which probe there it was flagged."""
    looped = {one.step.path for one in seen if one.step.outcome == "not_found"}
    found = []
    for path in sorted(looped):
        probes = [one for one in seen if one.step.path == path]
        first = probes[0].step.session
        for session in sorted({one.step.session for one in probes} - {first}):
            flags = [one.probe for one in probes if one.step.session == session]
            found.append(flags.index(True) + 1 if True in flags else 0)
    return found


def told(steps: list[Step], seen: list[Seen], drift: Drift) -> dict[str, object]:
    """What the run shows."""
    return {
        "calls": len(steps),
        "hours": round((steps[-1].second - steps[0].second) / 3600, 1),
        "sessions": len({one.session for one in steps}),
        "missing_files": len({one.path for one in steps if one.outcome == "not_found"}),
        "first_loop_flagged_at_probe": first_loop(seen),
        "later_sessions_flagged_at_probe": sorted(set(later_sessions(seen))),
        "drift_began_at_call": len(steps) - drift.since + 1,
        "calls_saved_had_it_been_stopped_there": drift.since,
        "flagged": drift.drifted,
        "of_them_calls_that_ended_well": sum(
            1 for one in seen if one.step.outcome == "ok" and one.judged.reasons
        ),
    }


def main() -> int:
    """Generate, replay, tell. Ends with 0 only if drift was seen when it should be."""
    parser = argparse.ArgumentParser(description="The 47 hours, generated and replayed.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--calls", type=Path, help="write the run as a call log")
    parser.add_argument("--html", type=Path, help="write the drift report")
    asked = parser.parse_args()
    compiled = compile_set([SourceFile(DEFINITIONS.name, DEFINITIONS.read_bytes())])
    steps = run()
    seen = replay(steps, compiled)
    end = START + timedelta(hours=HOURS)
    (drift,) = report(records(seen), START, end)
    found = told(steps, seen, drift)
    if asked.calls is not None:
        asked.calls.write_bytes(b"".join(orjson.dumps(one.line()) + b"\n" for one in steps))
    if asked.html is not None:
        asked.html.write_text(page([drift], START, end), encoding="utf-8")
    if asked.json:
        sys.stdout.write(orjson.dumps(found).decode() + "\n")
    else:
        for name, value in found.items():
            sys.stdout.write(f"{name.replace('_', ' '):45} {value}\n")
    seen_at = found["first_loop_flagged_at_probe"], found["later_sessions_flagged_at_probe"]
    return 0 if seen_at == EXPECTED else 1


if __name__ == "__main__":
    sys.exit(main())
