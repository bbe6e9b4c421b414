"""Syslog: RFC 5424 messages over TLS (RFC 5425), or over plain TCP where the operator says so."""

import socket
import ssl
from collections.abc import Sequence

from authz.export.forms import Form, written
from authz.export.sink import Item, Unavailable

FACILITY = 13
"""Log audit."""
_SEVERITY = {"denied": 4, "shadowed": 5, "flagged": 5}
_INFORMATIONAL = 6
TLS_PORT = 6514


class Syslog:
    """Messages with octet counting. The protocol has no receipts: sent and not refused counts as taken."""

    batch = 200

    def __init__(  # noqa: PLR0913 - settings with defaults
        self,
        host: str,
        port: int = TLS_PORT,
        *,
        name: str = "syslog",
        tls: ssl.SSLContext | None,
        hostname: str = "-",
        form: Form = Form.CEF,
        timeout: float = 10.0,
    ) -> None:
        """`tls` None means plain TCP."""
        self.name = name
        self._address = (host, port)
        self._tls = tls
        self._hostname = hostname
        self._form = form
        self._timeout = timeout
        self._socket: socket.socket | None = None

    def deliver(self, items: Sequence[Item]) -> None:
        """Send a batch.

        Raises:
            Unavailable: there is no connection, or it broke.
        """
        block = b"".join(self._framed(item) for item in items)
        try:
            connection = self._connected()
            connection.sendall(block)
            # A receiver that has gone shows as readable: better found now than with the next batch.
            connection.settimeout(0.0)
            try:
                if not connection.recv(1):
                    raise ConnectionResetError("closed by the receiver")
            except (BlockingIOError, ssl.SSLWantReadError):
                pass
            finally:
                connection.settimeout(self._timeout)
        except OSError as error:
            self.close()
            where = f"{self._address[0]}:{self._address[1]}"
            raise Unavailable(f"{where}: {(error.strerror or str(error)).lower()}") from None

    def _framed(self, item: Item) -> bytes:
        severity = _SEVERITY.get(str(item.record.get("effect")), _INFORMATIONAL)
        kind = str(item.record.get("kind") or "-")
        head = f"<{FACILITY * 8 + severity}>1 {item.record['at']} {self._hostname} agent-personas - {kind} - "
        # The byte order mark says that the message is UTF-8 (RFC 5424, section 6.4).
        message = head.encode("ascii", "replace") + b"\xef\xbb\xbf" + written(item, self._form)
        return b"%d %b" % (len(message), message)

    def _connected(self) -> socket.socket:
        if self._socket is None:
            plain = socket.create_connection(self._address, timeout=self._timeout)
            self._socket = (
                self._tls.wrap_socket(plain, server_hostname=self._address[0]) if self._tls else plain
            )
        return self._socket

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
