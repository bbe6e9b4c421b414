"""HTTP/2 for unary gRPC, without I/O: bytes of a connection become calls, answers become bytes.

Knows nothing of personas, and does not know sockets, clocks or event loops: see `connection` for the rules.
"""

from authz.http2.codes import ErrorCode, Status
from authz.http2.connection import Connection
from authz.http2.limits import Floods, Limits, Rate
from authz.http2.streams import Call, Received

__all__ = ["Call", "Connection", "ErrorCode", "Floods", "Limits", "Rate", "Received", "Status"]
