"""The 47 hours: what happened to somebody, and at which call it would have been seen."""

import subprocess
from pathlib import Path

import orjson

ROOT = Path(__file__).resolve().parents[2]


def test_the_first_loop_shows_at_its_fourth_probe_and_later_at_the_first(tmp_path: Path) -> None:
    """With the published figures: calls, missing files, period, and the same wrong paths over 27 hours."""
    html, calls = tmp_path / "drift.html", tmp_path / "calls.jsonl"
    done = subprocess.run(
        [ROOT / "scripts/scenarios/47_hours", "--json", "--html", html, "--calls", calls],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    found = orjson.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert (found["calls"], found["missing_files"], found["hours"]) == (2575, 162, 47.0)
    assert (found["first_loop_flagged_at_probe"], found["later_sessions_flagged_at_probe"]) == (4, [1])
    assert found["calls_saved_had_it_been_stopped_there"] > 2500
    assert "<svg" in html.read_text(encoding="utf-8")
    assert len(calls.read_bytes().splitlines()) == 2575
