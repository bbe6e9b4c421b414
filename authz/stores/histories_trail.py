"""Histories that outlive the process: a snapshot, and the trail folded on top of it.

Every decision is on the trail before its answer leaves, with what it added to each rule, so nothing that was
let through is ever forgotten. A snapshot is made of snapshot and trail alone, never of a worker that runs:
it only saves time, and losing it loses nothing.
"""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final, TypeAlias

import orjson

from authz.behaviour import Told, micros
from authz.core.call import Agent, Caller
from authz.core.definitions import Definitions
from authz.core.history import Outcome
from authz.stores.histories_memory import Kept, MemoryHistories
from authz.stores.trail.follow import Follower, Place
from authz.stores.trail.layout import replace

FORMAT: Final = 1
PASSED: Final = frozenset({"allowed", "flagged", "shadowed"})
BATCH: Final = 100_000
"""Lines that are put in order of time together."""
KEY_BYTES: Final = 32
Record: TypeAlias = Mapping[str, object]


def open_histories(state: Path, definitions: Definitions, at: datetime) -> MemoryHistories:
    """The histories of this state folder, as they were when its last process ended, however it ended.

    To be called once the trail is open, so that what a crash tore is mended.
    """
    folder = state / "histories"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = _key(folder / "digest.key")
    path = folder / "snapshot.json"
    kept, places = read_snapshot(path, definitions)
    histories = MemoryHistories(key, kept)
    for persona, told in kept.waiting:
        histories.wait(definitions.personas[persona], told)
    follower = Follower(state, places)
    if _fold_all(follower, histories, definitions):
        write_snapshot(path, histories.keep(micros(at)), follower.places)
    return histories


def _fold_all(follower: Follower, histories: MemoryHistories, definitions: Definitions) -> int:
    """Fold what was appended since the snapshot; how many lines there were."""
    total = 0
    while True:
        lines = [line.data for line in follower.poll(BATCH)]
        if not lines:
            return total
        total += len(lines)
        records = [record for line in lines if (record := _record(line)) is not None]
        # Chains of several workers are read one after the other; windows want them in order of time.
        records.sort(key=lambda record: str(record.get("at", "")))
        for record in records:
            fold_record(histories, definitions, record)


def fold_record(histories: MemoryHistories, definitions: Definitions, record: Record) -> None:
    """Fold one record of the trail; what is no decision and no outcome changes nothing."""
    match record:
        case {"kind": "outcome", "decision": str(decision), "at": str(at), "outcome": str(outcome)}:
            sent = _of(record, "bytes").get("sent")
            histories.outcome(
                Outcome(
                    decision=decision,
                    at=datetime.fromisoformat(at),
                    outcome=outcome,
                    sent=sent if isinstance(sent, int) else 0,
                )
            )
        case {"kind": "decision", "took": dict(took), "persona": {"name": str(name)}} if took:
            persona = definitions.personas.get(name)
            if persona is not None and persona.rules:
                histories.fold(persona, told_of(record, took))
        case _:
            pass


def told_of(record: Record, took: Mapping[str, float]) -> Told:
    """What a decision's record tells of its call."""
    agent, persona = _of(record, "agent"), _of(record, "persona")
    key = record.get("key")
    return Told(
        at=micros(datetime.fromisoformat(str(record["at"]))),
        caller=Caller(
            agent=Agent(id=str(agent.get("id"))),
            user=str(record.get("user")),
            persona=str(persona.get("name")),
            key=key if isinstance(key, str) else None,
        ),
        took=took,
        passed=record.get("effect") in PASSED,
        decision=str(record.get("id", "")),
    )


def write_snapshot(path: Path, kept: Kept, places: Mapping[str, Place]) -> None:
    """Write the snapshot, whole or not at all."""
    content = {
        "format": FORMAT,
        "places": {name: [place.segment, place.offset] for name, place in places.items()},
        "ledgers": [[list(scope), latest, states] for scope, (latest, states) in kept.ledgers.items()],
        "waiting": [[persona, _plain(told)] for persona, told in kept.waiting],
    }
    replace(path, orjson.dumps(content))


def read_snapshot(path: Path, definitions: Definitions) -> tuple[Kept, dict[str, Place]]:
    """The snapshot, and how far it has read the trail; none, and from the beginning, if it can't be read."""
    try:
        content = orjson.loads(path.read_bytes())
        if content["format"] != FORMAT:
            return Kept(), {}
        ledgers = {tuple(scope): (latest, states) for scope, latest, states in content["ledgers"]}
        waiting = tuple(
            (persona, _again(plain))
            for persona, plain in content["waiting"]
            if persona in definitions.personas
        )
        places = {name: Place(segment, offset) for name, (segment, offset) in content["places"].items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return Kept(), {}
    return Kept(ledgers=ledgers, waiting=waiting), places


def _plain(told: Told) -> dict[str, object]:
    caller = told.caller
    return {
        "at": told.at,
        "agent": caller.agent.id,
        "user": caller.user,
        "persona": caller.persona,
        "key": caller.key,
        "took": told.took,
        "decision": told.decision,
    }


def _again(plain: Mapping[str, object]) -> Told:
    took, at, key = plain["took"], plain["at"], plain["key"]
    if not isinstance(took, dict) or not isinstance(at, int):
        raise TypeError
    caller = Caller(
        agent=Agent(id=str(plain["agent"])),
        user=str(plain["user"]),
        persona=str(plain["persona"]),
        key=key if isinstance(key, str) else None,
    )
    return Told(at=at, caller=caller, took=took, passed=True, decision=str(plain["decision"]))


def _record(line: bytes) -> Record | None:
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return record if isinstance(record, dict) else None


def _of(record: Record, name: str) -> Mapping[str, object]:
    part = record.get(name)
    return part if isinstance(part, dict) else {}


def _key(path: Path) -> bytes:
    """The key of the digests in states and trail: made at first use, readable by the owner only."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        replace(path, os.urandom(KEY_BYTES))
        return path.read_bytes()
