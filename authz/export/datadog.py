"""Datadog's log intake (v2)."""

from collections.abc import Sequence

import orjson

from authz.audit.record import sentence
from authz.export.http import Poster
from authz.export.sink import Item

PATH = "/api/v2/logs"
_LEVEL = {"denied": "warn", "shadowed": "warn", "flagged": "warn"}


class DatadogLogs:
    """Logs of one service; the record is under `record`, its sentence is the message."""

    batch = 500
    """At most 1,000 logs and 5 MB a request."""

    def __init__(  # noqa: PLR0913 - settings with defaults
        self,
        key: str,
        *,
        site: str = "datadoghq.com",
        url: str | None = None,
        name: str = "datadog",
        service: str = "agent-personas",
        tags: str = "",
        timeout: float = 10.0,
    ) -> None:
        """`url` replaces the intake of `site`, for a proxy."""
        self.name = name
        self._poster = Poster(url or f"https://http-intake.logs.{site}", timeout=timeout)
        self._headers = {"dd-api-key": key, "content-type": "application/json"}
        self._service = service
        self._tags = tags

    def deliver(self, items: Sequence[Item]) -> None:
        """Send a batch."""
        self._poster.post(orjson.dumps([self._log(item) for item in items]), self._headers, PATH)

    def _log(self, item: Item) -> dict[str, object]:
        record = item.record
        trace = record.get("trace")
        return {
            "ddsource": "agent-personas",
            "ddtags": self._tags,
            "service": self._service,
            "status": _LEVEL.get(str(record.get("effect")), "info"),
            "timestamp": record["at"],
            "message": sentence(record),
            # Datadog finds the trace of a log by these names.
            "trace_id": trace.get("trace_id") if isinstance(trace, dict) else None,
            "span_id": trace.get("span_id") if isinstance(trace, dict) else None,
            "record": orjson.Fragment(item.line),
        }

    def close(self) -> None:
        """Close the connection."""
        self._poster.close()
