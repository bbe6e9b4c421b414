"""A proof of possession is good once, in all workers together."""

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from authz.stores.keys import StoreError
from authz.stores.replays import Replays

AT = datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_a_proof_is_good_once_in_all_workers(tmp_path: Path) -> None:
    """A thief would send it to the other worker."""
    one, two = Replays(tmp_path / "replays.sqlite"), Replays(tmp_path / "replays.sqlite")

    assert not one.seen("p", AT)
    assert two.seen("p", AT)
    assert one.seen("p", AT)
    assert not two.seen("q", AT)
    one.close()
    two.close()


def test_racing_workers_let_one_through(tmp_path: Path) -> None:
    """Check and note are one step."""
    found: list[bool] = []

    def ask() -> None:
        store = Replays(tmp_path / "replays.sqlite")
        found.extend(store.seen(str(number), AT) for number in range(50))
        store.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found.count(False) == 50


def test_old_proofs_are_swept_out(tmp_path: Path) -> None:
    """A file that only grows fills a disk; what is dropped is too old to pass by its time."""
    store = Replays(tmp_path / "replays.sqlite")
    for number in range(999):
        store.seen(str(number), AT)
    store.seen("last", AT + timedelta(minutes=3))

    assert not store.seen("0", AT + timedelta(minutes=3))
    store.close()


def test_a_store_that_fails_refuses(tmp_path: Path) -> None:
    """What cannot be told must not pass."""
    store = Replays(tmp_path / "replays.sqlite")
    store.close()
    with pytest.raises(StoreError):
        store.seen("p", AT)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError):
        Replays(tmp_path / "file" / "replays.sqlite")
