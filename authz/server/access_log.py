"""Envoy's access log: how each call ended, joined to its decision by the id in the dynamic metadata.

Never on the path of a call. Sources: `envoy.service.accesslog.v3`, Envoy 1.40; the namespace
`personas.outcome` is filled by `json_to_metadata` as `personas envoy render` configures it.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from google.protobuf.message import DecodeError
from google.protobuf.struct_pb2 import Struct

from authz.audit import Entry, outcome_record
from authz.core.history import Outcome
from authz.server import clock
from authz.server.pb.access_log_data_pb2 import AccessLogCommon, HTTPAccessLogEntry, ResponseFlags
from authz.server.pb.access_log_pb2 import StreamAccessLogsMessage
from authz.stores.histories import Histories
from authz.stores.trail import Trail, TrailError

log = logging.getLogger("personas")

PATH = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs"
EXT_AUTHZ = "envoy.filters.http.ext_authz"
MCP_RESULT = "personas.outcome"
OURS = "ext_authz_denied"
"""What Envoy calls an answer of the authorizer, whatever its status."""

FLAGS: Mapping[str, str] = MappingProxyType(
    {
        "no_healthy_upstream": "UH",
        "upstream_request_timeout": "UT",
        "local_reset": "LR",
        "upstream_remote_reset": "UR",
        "upstream_connection_failure": "UF",
        "upstream_connection_termination": "UC",
        "upstream_overflow": "UO",
        "no_route_found": "NR",
        "downstream_connection_termination": "DC",
        "stream_idle_timeout": "SI",
        "downstream_protocol_error": "DPE",
        "upstream_max_stream_duration_reached": "UMSDR",
        "duration_timeout": "DT",
        "upstream_protocol_error": "UPE",
    }
)
"""Envoy's short names of its response flags."""


@dataclass(slots=True)
class AccessLog:
    """Takes what Envoy streams and keeps it: an outcome is a record of its own, and histories learn of it."""

    trail: Trail
    histories: Histories

    def take(self, message: bytes) -> None:
        """Keep the entries of one message of the stream; what is none is dropped, and said."""
        seen = clock.now()
        try:
            entries = read_entries(message)
        except DecodeError:
            log.warning("an access-log message could not be read")
            return
        for entry in entries:
            outcome = outcome_record(entry, clock.decision_id(), seen)
            try:
                self.trail.append([outcome])
            except TrailError as error:
                log.error("an outcome could not be recorded: %s", error)  # noqa: TRY400 - one line says it
                continue
            if entry.decision is not None:
                self.histories.outcome(
                    Outcome(
                        decision=entry.decision,
                        at=seen,
                        outcome=str(outcome["outcome"]),
                        sent=entry.sent or 0,
                    )
                )


def read_entries(message: bytes) -> list[Entry]:
    """The entries of one `StreamAccessLogsMessage`.

    Raises:
        DecodeError: it is none.
    """
    read = StreamAccessLogsMessage()
    read.ParseFromString(message)
    return [_entry(one) for one in read.http_logs.log_entry]


def _entry(one: HTTPAccessLogEntry) -> Entry:
    common, response = one.common_properties, one.response
    metadata = common.metadata.filter_metadata
    result = metadata[MCP_RESULT] if MCP_RESULT in metadata else Struct()
    trailers = dict(response.response_trailers)
    headers = dict(response.response_headers)
    upstream = common.upstream_remote_address.socket_address
    return Entry(
        decision=_text(metadata[EXT_AUTHZ], "decision") if EXT_AUTHZ in metadata else None,
        at=_began(common),
        status=response.response_code.value or None,
        grpc_status=_number(trailers.get("grpc-status", headers.get("grpc-status"))),
        mcp_error=result.fields["is_error"].bool_value if "is_error" in result.fields else None,
        mcp_code=int(result.fields["error_code"].number_value) if "error_code" in result.fields else None,
        duration_us=common.duration.ToMicroseconds() if common.HasField("duration") else None,
        sent=response.response_body_bytes,
        received=one.request.request_body_bytes,
        upstream=f"{upstream.address}:{upstream.port_value}" if upstream.address else None,
        flags=_flags(common.response_flags),
        denied=response.response_code_details.startswith(OURS),
        facts={
            "route": common.route_name,
            "host": one.request.authority,
            "details": response.response_code_details,
            "session": headers.get("mcp-session-id", ""),
        },
    )


def _began(common: AccessLogCommon) -> datetime:
    epoch = datetime.fromtimestamp(0, UTC)
    return epoch + timedelta(microseconds=common.start_time.ToMicroseconds())


def _flags(flags: ResponseFlags) -> tuple[str, ...]:
    return tuple(short for name, short in FLAGS.items() if getattr(flags, name))


def _text(struct: Struct, name: str) -> str | None:
    return struct.fields[name].string_value or None if name in struct.fields else None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
