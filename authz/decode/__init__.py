"""Bytes to one `Action`, or a refusal: MCP of both eras, REST and gRPC, and the answers spoken in them.

Rules of this room: pure; no I/O, clock, randomness, environment or logging. Whatever the bytes, the result
is `Decoded` or `Unreadable`; any other exception is a bug. What two readers could take for two things is
refused.
"""

from authz.decode.decoders import Decoders
from authz.decode.exchange import Decoded, Exchange, Rewrite, Route, Unreadable

__all__ = ["Decoded", "Decoders", "Exchange", "Rewrite", "Route", "Unreadable"]
