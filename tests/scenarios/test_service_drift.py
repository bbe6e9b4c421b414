"""Behaviour as operators meet it: the service as a process, the command line beside it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson

from tests.integration.running import Service, issue, personas, service
from tests.server.world import DEFINITIONS, check, tool_call

BLOCK = b"limits: [{name: pace, calls: 5, per: 1m}]"
PATIENCE = 5.0


@contextmanager
def serving(folder: Path, behaviour: bytes) -> Iterator[Service]:
    """The service under this behaviour."""
    definitions = folder / "defs"
    definitions.mkdir(exist_ok=True)
    (definitions / "world.yaml").write_bytes(DEFINITIONS.replace(BLOCK, behaviour))
    with service(folder, definitions) as running:
        yield running


def passes(running: Service, message: bytes) -> bool:
    """Whether one call goes on."""
    return bool(running.ask(message).status.code == 0)


def reasons(state: Path) -> list[list[str]]:
    """The reasons of each decision, in order."""
    shown = personas("audit", "show", "--state", str(state), "--json").stdout.splitlines()
    records = [orjson.loads(line) for line in shown]
    return [[one["code"] for one in record["reasons"]] for record in records if record["kind"] == "decision"]


def test_killed_and_restarted_again_and_again_a_budget_stays_what_it_is(tmp_path: Path) -> None:
    """A crash loop of the service is no way to more calls."""
    behaviour = b"limits: [{name: budget, calls: 5, per: 1h}]"
    key, found = "", list[bool]()
    for calls in (2, 1, 0, 4):
        with serving(tmp_path, behaviour) as running:
            key = key or issue(running.state)
            message = check(key=key, body=tool_call("get_ticket", ticket="T-1"))
            if not found:
                _known(running, message)
                found.append(True)  # the call that showed that the key is known
            found += [passes(running, message) for _ in range(calls)]
            running.process.kill()
            running.process.wait()

    assert found == [True] * 5 + [False] * 3


def _known(running: Service, message: bytes) -> None:
    """Until the key that was issued beside the service works."""
    deadline = time.monotonic() + PATIENCE
    while not passes(running, message):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_person_grants_what_the_agent_asked_and_its_retry_passes(tmp_path: Path) -> None:
    """Refused, listed with its arguments, granted with a reason, retried once."""
    behaviour = b"limits: [{name: asks, calls: 0, per: 1h, on_drift: approve}]"
    with serving(tmp_path, behaviour) as running:
        state = str(running.state)
        message = check(key=issue(running.state), body=tool_call("get_ticket", ticket="T-7"))
        deadline = time.monotonic() + PATIENCE
        while not (listed := personas("approvals", "list", "--state", state, "--json").stdout):
            assert time.monotonic() < deadline
            running.ask(message)
        asked = orjson.loads(listed)
        done = personas("approvals", "grant", asked["id"], "--state", state, "--reason", "ok", "--by", "bob")
        after = [passes(running, message) for _ in range(2)]

    assert asked["args"] == {"ticket": "T-7"}
    assert done.returncode == 0, done.stderr
    assert after == [True, False]


def test_a_tripwire_suspends_the_key_and_says_so(tmp_path: Path) -> None:
    """The second call is refused for the key; the record says why; a person can resume it."""
    behaviour = b"limits: [{name: tripwire, calls: 0, per: 1h, on_drift: suspend}]"
    with serving(tmp_path, behaviour) as running:
        key = issue(running.state)
        message = check(key=key, body=tool_call("get_ticket", ticket="T-1"))
        deadline = time.monotonic() + PATIENCE
        while ["credential.suspended"] not in reasons(running.state):
            assert time.monotonic() < deadline
            running.ask(message)
        known = [one for one in reasons(running.state) if one != ["credential.unknown"]]
        resumed = personas("keys", "resume", key.split("_")[2], "--state", str(running.state))
        events = personas("audit", "show", "--state", str(running.state), "--json").stdout

    assert known[0] == ["behaviour.limit"]
    assert resumed.returncode == 0, resumed.stderr
    assert "caller.suspended" in events
