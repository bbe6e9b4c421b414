"""The signed ends of the chains, as records that can be kept elsewhere."""

from datetime import UTC, datetime
from pathlib import Path

import orjson

from authz.audit.record import instant
from authz.stores.trail.layout import head_path, root_of


def read_heads(state: Path) -> dict[str, bytes]:
    """The head of each chain as a record of kind `head`, by the chain's name."""
    root = root_of(state)
    found = {}
    for path in (root / "heads").glob("*.json"):
        try:
            head = orjson.loads(path.read_bytes())
            at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except (OSError, orjson.JSONDecodeError):
            continue
        if isinstance(head, dict) and head.get("seq") and path == head_path(root, str(head.get("chain"))):
            identity = f"head-{head['chain']}-{head['seq']}"
            found[path.stem] = orjson.dumps({"kind": "head", "id": identity, "at": instant(at), **head})
    return found
