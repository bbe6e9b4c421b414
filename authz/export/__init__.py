"""Follows the trail and ships it: OpenTelemetry spans and SIEM sinks. A process of its own.

Never on the path of a call: it only reads files that the service has written. What a sink has not confirmed
is sent again, under the same ids; one sink that is slow or down does not hold the others.
"""

from authz.export.process import argv, run
from authz.export.ship import Shipper
from authz.export.sink import Rejected, Sink, Unavailable

__all__ = ["Rejected", "Shipper", "Sink", "Unavailable", "argv", "run"]
