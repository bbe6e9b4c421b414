"""The contract between the service and whatever carries its calls: grpcio or our own HTTP/2.

Types only. A transport knows no personas, and a handler knows no connection.
"""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

Metadata = Mapping[str, str]
"""Lower-case names of the request metadata; repeated values are joined with `,`. Binary ones stay base64."""

Answer = bytes | Awaitable[bytes]
"""A serialized response message, now or later. One that comes later never holds those that are ready."""


class Handler(Protocol):
    """Decides, as one batch, all calls that one read of a socket brought.

    What must be recorded before an answer may leave is recorded, with one write, when the handler returns.
    If it raises, or an awaitable fails, those calls are answered INTERNAL.
    """

    def __call__(self, calls: Sequence[tuple[Metadata, bytes]]) -> Sequence[Answer]:
        """One answer for each call, in their order."""
        ...


Methods = Mapping[str, Handler]
"""By gRPC path, for example `/envoy.service.auth.v3.Authorization/Check`. Other paths are UNIMPLEMENTED."""
