"""How much of the trail stays on this disk: what every sink has confirmed goes first."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from authz.export.settings import Keep
from authz.stores.trail.chain import drop_oldest
from authz.stores.trail.events import EVENTS
from authz.stores.trail.follow import Place
from authz.stores.trail.layout import chain_folder, chain_names, root_of
from authz.stores.trail.secrets import open_sealer

log = logging.getLogger(__name__)


def retain(state: Path, keep: Keep, places: Sequence[Mapping[str, Place]]) -> int:
    """Drop the oldest full segments above the limits; how many records went that some sink has not confirmed.

    Events are few and stay. Each chain may have its share of the limits.
    """
    root = root_of(state)
    names = [name for name in chain_names(root) if name != EVENTS and chain_folder(root, name).is_dir()]
    if not names:
        return 0
    sealer = open_sealer(root)
    lost = 0
    for name in names:
        upto = min((place.get(name, Place()).segment for place in places), default=None)
        drop_oldest(root, name, sealer, keep.bytes // len(names), upto)
        if keep.cap_bytes is not None:
            gone = drop_oldest(root, name, sealer, keep.cap_bytes // len(names))
            if gone:
                log.error("the trail is above its cap: dropped %d unconfirmed records of %s", gone, name)
            lost += gone
    return lost
