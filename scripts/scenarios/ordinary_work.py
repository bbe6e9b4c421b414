"""False alarms: how many dialogues of ordinary work the library's rules would hold something against.

Reads the multi-turn part of the Berkeley function-calling leaderboard (its JSON is not shipped here).
Its calls have no times: a model that thinks between calls and a person who reads between turns are drawn from
a fixed seed. Every call ends well, as in the data. `first_use` is left out: it flags what is new by design.
"""

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from authz.core.app import Access, Tool
from authz.core.call import Action, Agent, Call, Caller, Json
from authz.core.history import Outcome
from authz.core.persona import Persona
from authz.core.rule import FirstUse, Rule
from authz.stores.definitions import load
from authz.stores.histories_memory import MemoryHistories

FILE = "bfcl_multi_turn_calls.json"
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
SEED = 9
BETWEEN_CALLS = (1.3, 0.7)
"""Logarithm of seconds, mean and deviation: about 4 s."""
BETWEEN_TURNS = (3.4, 0.8)
"""About half a minute."""


def dialogue(row: Mapping[str, object], number: int, chance: random.Random) -> Iterator[Call]:
    """The calls of one dialogue."""
    at = START + timedelta(minutes=number)
    caller = Caller(agent=Agent(id=f"dialogue-{number}"), user="somebody", persona="ordinary")
    turns = row["turns"]
    for turn in turns if isinstance(turns, list) else []:
        at += timedelta(seconds=chance.lognormvariate(*BETWEEN_TURNS))
        for one in turn:
            at += timedelta(seconds=chance.lognormvariate(*BETWEEN_CALLS))
            args: dict[str, Json] = {**one["args"], **{f"_{n}": value for n, value in enumerate(one["pos"])}}
            target = next((value for value in args.values() if isinstance(value, str)), None)
            tool = Tool(app="ordinary", name=one["tool"], access=Access.READ, target="_")
            action = Action(
                protocol="mcp", app="ordinary", name=one["tool"], tool=tool, args=args, target=target
            )
            yield Call(at=at, caller=caller, action=action)


def held_against(calls: list[Call], rules: tuple[Rule, ...], number: int) -> set[str]:
    """The rules that object at any call."""
    persona = Persona(name="ordinary", version="1", digest="", rules=rules)
    histories = MemoryHistories()
    found = set()
    for place, call in enumerate(calls):
        name = f"{number}.{place}"
        history = histories.observe(call, persona, passes=True, decision=name)
        histories.outcome(Outcome(decision=name, at=call.at + timedelta(milliseconds=300), outcome="ok"))
        for rule, figure in zip(rules, history.figures, strict=True):
            if figure is not None and not figure <= rule.maximum:
                found.add(rule.name)
    return found


def measure(data: Path, library: Path) -> dict[str, object]:
    """By persona of the library, how many dialogues have something held against them, and by which rule."""
    rows = json.loads((data / FILE).read_text(encoding="utf-8"))["rows"]
    found: dict[str, object] = {"dialogues": len(rows)}
    for folder in sorted(one for one in library.iterdir() if (one / "persona.yaml").is_file()):
        for persona in load(folder).definitions.personas.values():
            rules = tuple(rule for rule in persona.rules if not isinstance(rule.watch, FirstUse))
            chance = random.Random(SEED)  # noqa: S311 - the same times every time, no secret
            against: Counter[str] = Counter()
            flagged = calls = 0
            for number, row in enumerate(rows):
                made = list(dialogue(row, number, chance))
                calls += len(made)
                names = held_against(made, rules, number)
                flagged += bool(names)
                against.update(names)
            found[persona.name] = {
                "calls": calls,
                "flagged": flagged,
                "per_cent": round(100 * flagged / len(rows), 3),
                "rules": dict(against),
            }
    return found


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, help=f"folder with {FILE}")
    parser.add_argument("--library", type=Path, default=Path("personas/library"))
    asked = parser.parse_args()
    sys.stdout.write(json.dumps(measure(asked.data, asked.library), indent=1) + "\n")


if __name__ == "__main__":
    main()
