"""The whole way of a call inside this process: an `Authorizer` as a worker has it, and batches for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from authz.audit import Digester
from authz.core.definitions import Definitions
from authz.decode.answers import AnswerOptions
from authz.server.answer import Authorizer
from authz.server.outgoing import Speech
from authz.server.pb.ext_authz_pb2 import CheckResponse
from authz.server.snapshot import Snapshot
from authz.server.transport import Metadata
from authz.stores.histories_memory import MemoryHistories
from authz.stores.keys import KeyStore
from authz.stores.keys_sqlite import open_keys
from authz.stores.trail import Trail, open_digester

Batch = Sequence[tuple[Metadata, bytes]]


@dataclass(frozen=True, slots=True)
class Inside:
    """The parts, for stages that are timed apart."""

    authorizer: Authorizer
    keys: KeyStore
    digester: Digester

    def close(self) -> None:
        """Let go of the state folder."""
        self.authorizer.trail.close()
        self.keys.close()


def inside(state: Path, definitions: Definitions) -> Inside:
    """An authorizer over this state folder, with its trail there."""
    keys = open_keys(state)
    digester = open_digester(state)
    authorizer = Authorizer(
        snapshot=Snapshot.of(definitions),
        keys=keys.ring,
        used=keys.used,
        histories=MemoryHistories(b"k" * 32),
        trail=Trail.open(state),
        digester=digester,
        speech=Speech(AnswerOptions()),
        on_problem=lambda _text: None,
    )
    return Inside(authorizer, keys, digester)


def confirm(authorizer: Authorizer, batch: Batch) -> None:
    """A benchmark of refusals would measure something else."""
    for answer in authorizer(batch):
        if not isinstance(answer, bytes) or CheckResponse.FromString(answer).status.code != 0:
            raise SystemExit("the benchmark's call is refused")
