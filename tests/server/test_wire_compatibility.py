"""Our messages against the independent types of `envoy-data-plane`, both ways, field by field."""

import dataclasses
from typing import Any

from envoy_data_plane.envoy.config.core import v3 as core
from envoy_data_plane.envoy.data.accesslog import v3 as accesslog_data
from envoy_data_plane.envoy.service.accesslog import v3 as accesslog
from envoy_data_plane.envoy.service.auth import v3 as auth

from authz.core.decision import Effect
from authz.server.pb import access_log_data_pb2, access_log_pb2, base_pb2, ext_authz_pb2, seen_pb2
from authz.server.wire import Forward, Reply, check_response, read_check

THEIRS: dict[Any, Any] = {
    ext_authz_pb2.CheckRequest.DESCRIPTOR: auth.CheckRequest,
    ext_authz_pb2.AttributeContext.DESCRIPTOR: auth.AttributeContext,
    ext_authz_pb2.AttributeContext.Peer.DESCRIPTOR: auth.AttributeContextPeer,
    ext_authz_pb2.AttributeContext.Request.DESCRIPTOR: auth.AttributeContextRequest,
    ext_authz_pb2.AttributeContext.HttpRequest.DESCRIPTOR: auth.AttributeContextHttpRequest,
    ext_authz_pb2.AttributeContext.TLSSession.DESCRIPTOR: auth.AttributeContextTlsSession,
    ext_authz_pb2.DeniedHttpResponse.DESCRIPTOR: auth.DeniedHttpResponse,
    ext_authz_pb2.OkHttpResponse.DESCRIPTOR: auth.OkHttpResponse,
    ext_authz_pb2.CheckResponse.DESCRIPTOR: auth.CheckResponse,
    seen_pb2.Check.DESCRIPTOR: auth.CheckRequest,
    seen_pb2.Attributes.DESCRIPTOR: auth.AttributeContext,
    seen_pb2.Request.DESCRIPTOR: auth.AttributeContextRequest,
    seen_pb2.HttpRequest.DESCRIPTOR: auth.AttributeContextHttpRequest,
    seen_pb2.HeaderMap.DESCRIPTOR: core.HeaderMap,
    base_pb2.SocketAddress.DESCRIPTOR: core.SocketAddress,
    base_pb2.Pipe.DESCRIPTOR: core.Pipe,
    base_pb2.Address.DESCRIPTOR: core.Address,
    base_pb2.HeaderValue.DESCRIPTOR: core.HeaderValue,
    base_pb2.HeaderMap.DESCRIPTOR: core.HeaderMap,
    base_pb2.HeaderValueOption.DESCRIPTOR: core.HeaderValueOption,
    base_pb2.Metadata.DESCRIPTOR: core.Metadata,
    access_log_data_pb2.ResponseFlags.DESCRIPTOR: accesslog_data.ResponseFlags,
    access_log_data_pb2.AccessLogCommon.DESCRIPTOR: accesslog_data.AccessLogCommon,
    access_log_data_pb2.HTTPRequestProperties.DESCRIPTOR: accesslog_data.HttpRequestProperties,
    access_log_data_pb2.HTTPResponseProperties.DESCRIPTOR: accesslog_data.HttpResponseProperties,
    access_log_data_pb2.HTTPAccessLogEntry.DESCRIPTOR: accesslog_data.HttpAccessLogEntry,
    access_log_pb2.StreamAccessLogsMessage.DESCRIPTOR: accesslog.StreamAccessLogsMessage,
}


def test_every_field_has_the_number_that_envoy_gives_it() -> None:
    """A field under a wrong number is read as absent."""
    for ours, theirs in THEIRS.items():
        known = {
            field.name.rstrip("_"): field.metadata["betterproto"].number
            for field in dataclasses.fields(theirs)
        }
        for name, number in ((field.name, field.number) for field in ours.fields):
            assert known[name] == number, (ours.full_name, name)


def test_a_check_written_by_others_is_read_whole() -> None:
    """What Envoy fills in reaches `Request`, field by field."""
    http = auth.AttributeContextHttpRequest(
        id="7",
        method="POST",
        path="/v1/a?b=c",
        host="billing.internal",
        scheme="http",
        size=12,
        protocol="HTTP/1.1",
        raw_body=b"\x00\xff",
        header_map=core.HeaderMap(headers=[core.HeaderValue(key="Content-Type", raw_value=b"text/plain")]),
    )
    peer = auth.AttributeContextPeer(
        address=core.Address(socket_address=core.SocketAddress(address="192.0.2.7", port_value=4711)),
        principal="spiffe://example.org/agent",
    )
    theirs = auth.CheckRequest(
        attributes=auth.AttributeContext(
            source=peer,
            request=auth.AttributeContextRequest(http=http),
            context_extensions={"app": "billing"},
        )
    )

    ours = read_check(bytes(theirs), {"traceparent": f"00-{'1' * 32}-{'2' * 16}-01"})

    assert (ours.id, ours.method, ours.path, ours.host, ours.size) == (
        "7",
        "POST",
        "/v1/a?b=c",
        "billing.internal",
        12,
    )
    assert (ours.body, ours.headers, ours.context) == (
        b"\x00\xff",
        {"content-type": "text/plain"},
        {"app": "billing"},
    )
    assert (ours.source.address, ours.source.principal) == ("192.0.2.7", "spiffe://example.org/agent")
    assert ours.trace is not None
    assert (ours.trace.trace_id, ours.trace.parent) == ("1" * 32, "2" * 16)


def test_an_allow_written_by_us_is_read_whole_by_others() -> None:
    """Every header, its action and the decision's id arrive."""
    message = check_response(
        Effect.ALLOWED,
        Forward((("x-persona-agent", "a"),), ("authorization",), (("x-persona-decision", "d"),)),
        "d-1",
    )
    theirs = auth.CheckResponse.parse(message)

    assert theirs.status is not None
    assert theirs.status.code == 0
    assert theirs.ok_response is not None
    option = theirs.ok_response.headers[0]
    assert option.header is not None
    assert (option.header.key, option.header.value) == ("x-persona-agent", "a")
    assert option.append_action is core.HeaderValueOptionHeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD
    assert theirs.ok_response.headers_to_remove == ["authorization"]
    added = theirs.ok_response.response_headers_to_add[0]
    assert added.header is not None
    assert (added.header.key, added.header.value) == ("x-persona-decision", "d")
    assert theirs.dynamic_metadata is not None
    assert theirs.dynamic_metadata.to_dict() == {"decision": "d-1"}


def test_a_refusal_written_by_us_is_read_whole_by_others() -> None:
    """Status, headers and body arrive, and the status of the check is not OK."""
    message = check_response(Effect.DENIED, Reply(418, (("retry-after", "1"),), "né".encode()), "d-2")
    theirs = auth.CheckResponse.parse(message)

    assert theirs.status is not None
    assert theirs.status.code == 7
    denied = theirs.denied_response
    assert denied is not None
    assert denied.status is not None
    assert int(denied.status.code) == 418
    assert denied.headers[0].header is not None
    assert (denied.headers[0].header.key, denied.headers[0].header.value) == ("retry-after", "1")
    assert denied.body == "né"


def test_an_access_log_entry_written_by_others_is_read_whole() -> None:
    """The outcome of a call is joined to its decision by the id in the metadata."""
    theirs = accesslog.StreamAccessLogsMessage(
        identifier=accesslog.StreamAccessLogsMessageIdentifier(log_name="calls"),
        http_logs=accesslog.StreamAccessLogsMessageHttpAccessLogEntries(
            log_entry=[
                accesslog_data.HttpAccessLogEntry(
                    response=accesslog_data.HttpResponseProperties(
                        response_code=404, response_headers={"mcp-session-id": "s"}
                    ),
                    common_properties=accesslog_data.AccessLogCommon(upstream_cluster="billing"),
                )
            ]
        ),
    )

    ours = access_log_pb2.StreamAccessLogsMessage.FromString(bytes(theirs))

    (entry,) = ours.http_logs.log_entry
    assert ours.identifier.log_name == "calls"
    assert entry.response.response_code.value == 404
    assert dict(entry.response.response_headers) == {"mcp-session-id": "s"}
    assert entry.common_properties.upstream_cluster == "billing"
