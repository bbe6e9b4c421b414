"""The exporter as a process, killed and started again while records keep coming."""

import signal
import subprocess
from pathlib import Path

import orjson
import pytest

from authz.export import argv
from authz.stores.trail import Limits, Trail
from tests.audit.samples import record
from tests.export.http_receivers import HttpReceiver, http_receiver
from tests.export.receivers import until


def _seen(receiver: HttpReceiver) -> dict[str, set[bytes]]:
    """What arrived, by id: each spelling once."""
    found: dict[str, set[bytes]] = {}
    for post in list(receiver.taken):
        for one in orjson.loads(post.body):
            if one["kind"] == "decision":
                found.setdefault(one["id"], set()).add(orjson.dumps(one))
    return found


@pytest.mark.parametrize("times", [4, pytest.param(30, marks=pytest.mark.long)], ids=["few", "many"])
def test_an_exporter_killed_again_and_again_loses_nothing(tmp_path: Path, times: int) -> None:
    """`kill -9` of the exporter: no loss, and duplicates only with equal ids."""
    state = tmp_path / "state"
    number = 0
    with (
        http_receiver() as receiver,
        Trail.open(state, limits=Limits(segment_bytes=60_000)) as trail,
    ):
        config = tmp_path / "settings.yaml"
        config.write_text(f"export: {{sinks: [{{type: webhook, url: '{receiver.url}'}}]}}")
        for round_ in range(times):
            before = len(_seen(receiver))
            process = subprocess.Popen(argv(state, config=config), stdin=subprocess.PIPE)
            for _ in range(40):
                trail.append([record(number + step) for step in range(10)])
                number += 10
            enough = before + 50 * (round_ % 3)
            until(lambda limit=enough: len(_seen(receiver)) > limit)  # type: ignore[misc]  # bound now
            process.send_signal(signal.SIGKILL)
            process.communicate()
        last = subprocess.Popen(argv(state, config=config), stdin=subprocess.PIPE)
        until(lambda: len(_seen(receiver)) == number, 60)
        last.communicate()

    seen = _seen(receiver)
    assert seen.keys() == {f"{one:012d}" for one in range(number)}
    assert all(len(spellings) == 1 for spellings in seen.values())
