"""Ordinary work must not look like drift."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.conftest import DATA

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.data
def test_at_most_two_in_a_thousand_ordinary_dialogues_are_flagged() -> None:
    """Whoever is alarmed for nothing soon looks no more."""
    done = subprocess.run(
        [sys.executable, ROOT / "scripts/scenarios/ordinary_work.py", DATA],
        capture_output=True,
        check=True,
        cwd=ROOT,
        timeout=300,
    )
    found = orjson.loads(done.stdout)
    personas = [one for one in found.values() if isinstance(one, dict)]

    assert found["dialogues"] == 800
    assert sum(one["flagged"] for one in personas) <= 0.002 * found["dialogues"] * len(personas)
