"""Fixtures of the service's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.world import World, world


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    """A world of its own."""
    with world(tmp_path / "state") as made:
        yield made
