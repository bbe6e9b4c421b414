"""Records of what people and the service did: a chain of its own, opened for one event and closed again."""

from collections.abc import Mapping
from pathlib import Path

from authz.stores.trail.chain import open_chain
from authz.stores.trail.layout import root_of
from authz.stores.trail.secrets import open_sealer
from authz.stores.trail.trail import DEFAULTS, encode

EVENTS = "events"
PATIENCE = 5.0
"""Seconds that a process waits for another one that is just writing an event."""


def note_event(
    folder: Path, record: Mapping[str, object], *, seal_key: Path | None = None, wait: float = PATIENCE
) -> None:
    """Append one event (`authz.audit.event_record`), durable when this returns. Any process may.

    Raises:
        TrailError: it could not be recorded; then what it tells of must not be done.
    """
    root = root_of(folder)
    body = encode(record)
    chain = open_chain(
        root, EVENTS, open_sealer(root, seal_key), segment_bytes=DEFAULTS.segment_bytes, wait=wait
    )
    try:
        chain.write([body])
    finally:
        chain.close()
