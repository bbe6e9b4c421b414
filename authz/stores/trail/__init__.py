"""The trail: append-only segments of records on disk, chained, sealed and provable.

A record is with the operating system before `append` returns; what cannot be written raises `TrailError`.
Writers are alone on their chain. Readers and proofs take nothing but files, so they work on a copy of the
folder as well.
"""

from authz.stores.trail.events import note_event
from authz.stores.trail.follow import Follower, Place
from authz.stores.trail.layout import TrailError
from authz.stores.trail.proof import Problem, Verdict, verify
from authz.stores.trail.reader import read_records
from authz.stores.trail.secrets import open_digester
from authz.stores.trail.trail import Limits, Sync, Trail

__all__ = [
    "Follower",
    "Limits",
    "Place",
    "Problem",
    "Sync",
    "Trail",
    "TrailError",
    "Verdict",
    "note_event",
    "open_digester",
    "read_records",
    "verify",
]
