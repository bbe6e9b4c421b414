"""Every sink shows a denied call to a receiver of its own protocol: path, authentication and body."""

import hashlib
import hmac
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs

import orjson
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from authz.export import Shipper, Sink, Unavailable
from authz.export.datadog import DatadogLogs
from authz.export.file import File
from authz.export.forms import Form
from authz.export.hec import Hec
from authz.export.otlp_http import OtlpHttp, datadog_headers, langfuse_headers
from authz.export.sentinel import Sentinel
from authz.export.sink import Item
from authz.export.syslog import Syslog
from authz.export.webhook import Webhook
from authz.stores.trail import Trail, read_records
from tests.audit.samples import DENY, record
from tests.export.http_receivers import (
    Answer,
    Post,
    certificate,
    free_port,
    http_receiver,
    syslog_receiver,
)
from tests.export.receivers import attributes, until

WHO = {
    "agent": "support-summarizer",
    "user": "alice@example.com",
    "persona": "support-summarizer",
    "tool": "adjust_balance",
    "at": "2026-05-04T09:30:00.125456Z",
    "decision": "deny",
}


SECRET = "s&cret"  # noqa: S105 - of a test


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A trail with one denied call."""
    with Trail.open(tmp_path / "state") as trail:
        trail.append([record(2, DENY)])
    return tmp_path / "state"


@contextmanager
def shipping(state: Path, sink: Sink) -> Iterator[Shipper]:
    """Ship to a sink until the block ends."""
    shipper = Shipper(state, sink)
    shipper.start()
    try:
        yield shipper
    finally:
        shipper.stop()
        assert shipper.join(15)


def _told(found: Mapping[str, object]) -> dict[str, object]:
    """Who did what, from a record of ours."""
    agent, persona, action = (found[name] for name in ("agent", "persona", "action"))
    assert isinstance(agent, dict)
    assert isinstance(persona, dict)
    assert isinstance(action, dict)
    return {
        "agent": agent["id"],
        "user": found["user"],
        "persona": persona["name"],
        "tool": action["tool"],
        "at": found["at"],
        "decision": found["decision"],
    }


def _objects(body: bytes) -> list[dict[str, object]]:
    """JSON objects that follow each other without anything between."""
    return [
        orjson.loads(part) for part in body.replace(b'}{"time"', b'}\n{"time"').split(b"\n")
    ]  # no record of these tests holds that text


def _decisions(events: list[dict[str, object]]) -> list[dict[str, object]]:
    return [one for one in events if one.get("kind") == "decision"]


def test_splunk_gets_events(state: Path) -> None:
    """HEC: token, path, envelope; the event is the record as it was hashed."""
    with http_receiver(lambda _: Answer(body=b'{"text":"Success","code":0}')) as receiver:
        sink = Hec(receiver.url, "11111111-2222", index="agents")
        with shipping(state, sink):
            until(lambda: bool(receiver.taken))

    post = receiver.taken[0]
    assert post.path == "/services/collector/event"
    assert post.headers["authorization"] == "Splunk 11111111-2222"
    envelope = _objects(post.body)[0]
    assert (envelope["index"], envelope["source"]) == ("agents", "agent-personas")
    assert envelope["time"] == 1_777_887_000.125456
    assert isinstance(envelope["event"], dict)
    assert _told(envelope["event"]) == WHO
    assert envelope["event"] == next(iter(read_records(state)))


def test_crowdstrike_gets_events(state: Path) -> None:
    """The same envelope, announced as a bearer token."""
    with http_receiver() as receiver:
        sink = Hec(
            f"{receiver.url}/services/collector", "key", name="crowdstrike", scheme="Bearer", form=Form.OCSF
        )
        with shipping(state, sink):
            until(lambda: bool(receiver.taken))

    post = receiver.taken[0]
    assert post.path == "/services/collector"
    assert post.headers["authorization"] == "Bearer key"
    event = _objects(post.body)[0]["event"]
    assert isinstance(event, dict)
    assert (event["class_uid"], event["disposition"]) == (6003, "Blocked")
    assert event["actor"]["app_uid"] == WHO["agent"]
    assert event["actor"]["user"]["uid"] == WHO["user"]
    assert event["api"]["operation"] == WHO["tool"]
    assert event["authorizations"][0]["policy"]["name"] == WHO["persona"]


def test_datadog_gets_logs(state: Path) -> None:
    """Key, path, array; the message is the sentence."""
    with http_receiver(lambda _: Answer(202)) as receiver:
        sink = DatadogLogs("dd-key", url=receiver.url, tags="env:prod")
        with shipping(state, sink):
            until(lambda: bool(receiver.taken))

    post = receiver.taken[0]
    assert post.path == "/api/v2/logs"
    assert post.headers["dd-api-key"] == "dd-key"
    log = orjson.loads(post.body)[0]
    assert log["status"] == "warn"
    assert log["ddtags"] == "env:prod"
    assert log["trace_id"] == "0af7651916cd43dd8448eb211c80319c"
    assert "deny (tool.not-granted)" in log["message"]
    assert _told(log["record"]) == WHO


def test_sentinel_gets_rows_with_a_token_from_entra(state: Path) -> None:
    """Client credentials first; then the stream of the rule; the token is used again while it lasts."""

    def answer(post: Post) -> Answer:
        if post.path.endswith("/token"):
            return Answer(body=b'{"access_token":"t1","expires_in":3600}')
        return Answer(204, b"")

    with http_receiver(answer) as receiver:
        sink = Sentinel(
            receiver.url, "dcr-1", tenant="tenant-1", client="client-1", secret=SECRET, login=receiver.url
        )
        with shipping(state, sink):
            until(lambda: len(receiver.taken) >= 2)
            with Trail.open(state) as trail:
                trail.append([record(3, DENY)])
            until(lambda: len(receiver.taken) >= 3)

    token, rows = receiver.taken[:2]
    assert token.path == "/tenant-1/oauth2/v2.0/token"
    assert parse_qs(token.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["client-1"],
        "client_secret": [SECRET],
        "scope": ["https://monitor.azure.com/.default"],
    }
    assert rows.path == ("/dataCollectionRules/dcr-1/streams/Custom-AgentPersonas_CL?api-version=2023-01-01")
    assert rows.headers["authorization"] == "Bearer t1"
    row = orjson.loads(rows.body)[0]
    assert row["SrcAgentId"] == WHO["agent"]
    assert row["ActorUserId"] == WHO["user"]
    assert row["PersonaName"] == WHO["persona"]
    assert row["ToolName"] == WHO["tool"]
    assert row["TimeGenerated"] == WHO["at"]
    assert row["Decision"] == WHO["decision"]
    assert _told(row["Record"]) == WHO
    assert sum(post.path.endswith("/token") for post in receiver.posts) == 1


def test_sentinel_gets_a_new_token_when_the_old_one_is_refused(state: Path) -> None:
    """A secret that was rotated must not stop the stream for an hour."""
    tokens = iter([b"old", b"new"])

    def answer(post: Post) -> Answer:
        if post.path.endswith("/token"):
            return Answer(body=b'{"access_token":"%b","expires_in":3600}' % next(tokens))
        return Answer(204, b"") if post.headers["authorization"] == "Bearer new" else Answer(401)

    with http_receiver(answer) as receiver:
        sink = Sentinel(receiver.url, "dcr-1", tenant="t", client="c", secret=SECRET, login=receiver.url)
        with shipping(state, sink):
            until(lambda: any("/streams/" in post.path for post in receiver.taken))


@pytest.mark.parametrize(
    "said", [Answer(400, b'{"error":"invalid_client"}'), Answer(body=b"<html>"), Answer(body=b"[]")]
)
def test_sentinel_without_a_token_keeps_the_records(said: Answer) -> None:
    """Wrong credentials are for the operator to mend; nothing may be dropped for it."""
    with http_receiver(lambda _: said) as receiver:
        sink = Sentinel(receiver.url, "dcr-1", tenant="t", client="c", secret=SECRET, login=receiver.url)
        with pytest.raises(Unavailable):
            sink.deliver([Item(b"{}", record(1) | {"at": "2026-05-04T09:30:00.000000Z"})])
        sink.close()


def test_a_webhook_gets_a_signed_array(state: Path) -> None:
    """The receiver can tell that it was us."""
    with http_receiver() as receiver:
        sink = Webhook(f"{receiver.url}/hook?x=1", headers={"x-team": "red"}, secret=SECRET)
        with shipping(state, sink):
            until(lambda: bool(receiver.taken))

    post = receiver.taken[0]
    assert post.path == "/hook?x=1"
    assert post.headers["x-team"] == "red"
    assert (
        post.headers["x-personas-signature"]
        == "sha256=" + hmac.new(SECRET.encode(), post.body, hashlib.sha256).hexdigest()
    )
    assert _told(_decisions(orjson.loads(post.body))[0]) == WHO


def test_syslog_gets_messages_over_tls(state: Path, tmp_path: Path) -> None:
    """RFC 5424 in RFC 5425's frames, to a receiver whose certificate was checked."""
    chain, key = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, key)
    trusting = ssl.create_default_context(cafile=str(chain))

    with (
        syslog_receiver(server) as (port, messages),
        shipping(state, Syslog("127.0.0.1", port, tls=trusting)),
    ):
        until(lambda: bool(messages))

    text = messages[0].decode()
    assert text.startswith(
        "<108>1 2026-05-04T09:30:00.125456Z - agent-personas - decision - \N{BYTE ORDER MARK}CEF:0|"
    )
    for part in ("act=deny", f"suser={WHO['user']}", f"cs1={WHO['agent']}", f"cs2={WHO['persona']}"):
        assert part in text


def test_syslog_does_not_speak_to_a_stranger(tmp_path: Path) -> None:
    """A certificate that nobody vouches for ends the attempt, and nothing is sent."""
    chain, key = certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, key)

    with syslog_receiver(server) as (port, messages):
        sink = Syslog("127.0.0.1", port, tls=ssl.create_default_context())
        with pytest.raises(Unavailable):
            sink.deliver([Item(b"{}", record(1))])
        sink.close()

    assert messages == []


def test_a_file_gets_lines(state: Path, tmp_path: Path) -> None:
    """As they stand in the trail: a file elsewhere is an anchor."""
    target = tmp_path / "out.jsonl"
    with shipping(state, File(target)):
        until(lambda: target.exists() and target.read_bytes().endswith(b"\n"))

    lines = target.read_bytes().splitlines()
    assert lines[0] == (state / "trail/chains/0/000001.jsonl").read_bytes().splitlines()[0]
    assert _told(orjson.loads(lines[0])) == WHO


def test_langfuse_gets_spans_with_its_own_headers(state: Path) -> None:
    """Basic authentication, the version of its ingestion, and a level that a deny needs said."""
    with http_receiver() as receiver:
        sink = OtlpHttp(
            f"{receiver.url}/api/public/otel", headers=langfuse_headers("pk-1", "sk-1"), langfuse=True
        )
        with shipping(state, sink):
            until(lambda: bool(receiver.taken))

    post = receiver.taken[0]
    assert post.path == "/api/public/otel/v1/traces"
    assert post.headers["authorization"] == "Basic cGstMTpzay0x"
    assert post.headers["x-langfuse-ingestion-version"] == "4"
    assert post.headers["content-type"] == "application/x-protobuf"
    found = _span(post)
    assert found["langfuse.observation.level"] == "WARNING"
    assert found["user.id"] == WHO["user"]
    assert found["session.id"] == "s-1"


def test_datadog_gets_spans_without_an_agent(state: Path) -> None:
    """Its intake of traces asks for a key and for statistics."""
    with http_receiver(lambda _: Answer(202)) as receiver:
        sink = OtlpHttp(f"{receiver.url}/v1/traces", headers=datadog_headers("dd-key"))
        with shipping(state, sink):
            until(lambda: bool(receiver.taken))

    post = receiver.taken[0]
    assert post.path == "/v1/traces"
    assert post.headers["dd-api-key"] == "dd-key"
    assert post.headers["compute_stats"] == "true"
    found = _span(post)
    assert (found["gen_ai.agent.id"], found["persona.name"]) == (WHO["agent"], WHO["persona"])
    assert (found["gen_ai.tool.name"], found["persona.decision"]) == (WHO["tool"], WHO["decision"])


def _span(post: Post) -> dict[str, object]:
    request = ExportTraceServiceRequest.FromString(post.body)
    return attributes(request.resource_spans[0].scope_spans[0].spans[0])


def test_every_sink_gets_the_heads_of_the_chains(state: Path, tmp_path: Path) -> None:
    """What was sent elsewhere is what `verify --anchor` compares with."""
    target = tmp_path / "out.jsonl"
    with shipping(state, File(target)):
        until(lambda: b'"kind":"head"' in target.read_bytes() if target.exists() else False)

    heads = [one for one in map(orjson.loads, target.read_bytes().splitlines()) if one["kind"] == "head"]
    assert {(one["chain"], one["seq"]) for one in heads} == {("0", 1)}


def test_a_receiver_that_nobody_runs_is_unavailable() -> None:
    """Not an error of the exporter: it waits."""
    for sink in (
        Webhook(f"http://127.0.0.1:{free_port()}"),
        Syslog("127.0.0.1", free_port(), tls=None),
        File(Path("/proc/nowhere/file")),
    ):
        with pytest.raises(Unavailable):
            sink.deliver([Item(b"{}", record(1))])
        sink.close()
