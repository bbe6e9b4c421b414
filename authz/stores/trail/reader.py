"""Reads records back, oldest first, over all chains."""

import heapq
from collections.abc import Iterator
from pathlib import Path

import orjson

from authz.stores.trail.layout import chain_folder, chain_names, root_of, segments


def read_lines(path: Path) -> Iterator[bytes]:
    """The whole lines of a segment, without their newlines; a torn end is left out."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line[:-1]


def read_chain(root: Path, name: str) -> Iterator[dict[str, object]]:
    """The records of one chain; lines that are no record are left out (`verify` names them)."""
    for _, path in segments(chain_folder(root, name)):
        for line in read_lines(path):
            try:
                record = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if isinstance(record, dict):
                yield record


def read_records(state: Path) -> Iterator[dict[str, object]]:
    """All records below the state folder (or of the trail's own folder), by time."""
    root = root_of(state)
    chains = [read_chain(root, name) for name in chain_names(root)]
    return heapq.merge(*chains, key=_when)


def _when(record: dict[str, object]) -> str:
    return str(record.get("at", ""))
