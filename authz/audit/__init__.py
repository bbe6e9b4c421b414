"""From a decision to its forensic record, and how a chain of records proves itself.

Rules of this room: pure. No I/O, no clock, no randomness: ids, times and keys are arguments. Arguments of
a call never get into a record in clear unless the definition of the tool lists them.
"""

from authz.audit.chain import GENESIS, Mark, Tail, link, read_tail
from authz.audit.digest import Digester
from authz.audit.event import event_record
from authz.audit.fact import Fact
from authz.audit.outcome import Entry, outcome_record
from authz.audit.record import decision_record, sentence
from authz.audit.scribe import Scribe
from authz.audit.seal import Sealer, fingerprint, verify_mark
from authz.audit.span import span_attributes, span_name

__all__ = [
    "GENESIS",
    "Digester",
    "Entry",
    "Fact",
    "Mark",
    "Scribe",
    "Sealer",
    "Tail",
    "decision_record",
    "event_record",
    "fingerprint",
    "link",
    "outcome_record",
    "read_tail",
    "sentence",
    "span_attributes",
    "span_name",
    "verify_mark",
]
