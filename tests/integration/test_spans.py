"""Decisions as spans, from a call through the real Envoy to a real OTLP receiver."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from scripts.demo_story.envoy import adapted, pipe, tcp, traced
from scripts.demo_story.stack import free_ports
from tests.export.receivers import OtlpReceiver, attributes, otlp_receiver, until
from tests.integration.running import PATIENCE, ROOT, Service, issue, service
from tests.server.world import DEFINITIONS

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER_SPAN = "00f067aa0ba902b7"


@contextmanager
def envoy(folder: Path, running: Service, collector: OtlpReceiver) -> Iterator[str]:
    """Envoy with envoy/envoy.yaml and tracing; gives its URL."""
    port, nobody = free_ports(2)
    wanted = yaml.safe_load((ROOT / "envoy" / "envoy.yaml").read_text())
    apps = {name: tcp("127.0.0.1", nobody) for name in ("tickets", "crm", "billing", "shipping")}
    socket = pipe(running.target.removeprefix("unix:"))
    configuration = traced(
        adapted(wanted, tcp("127.0.0.1", port), {**apps, "authorizer": socket}),
        yaml.safe_load((ROOT / "envoy" / "tracing.yaml").read_text()),
        tcp("127.0.0.1", collector.port),
    )
    path = folder / "envoy.json"
    path.write_text(yaml.safe_dump(configuration))
    program = shutil.which("envoy", path=str(Path(sys.executable).parent)) or "envoy"
    command = [program, "-c", str(path.rename(folder / "envoy.yaml")), "--concurrency", "1", "-l", "error"]
    process = subprocess.Popen([*command, "--base-id", str(port), "--drain-time-s", "1"])
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                httpx.get(f"{url}/nothing")
                break
            except httpx.TransportError:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.fixture
def definitions(tmp_path: Path) -> Path:
    """The folder of definitions."""
    folder = tmp_path / "defs"
    folder.mkdir()
    (folder / "world.yaml").write_bytes(DEFINITIONS)
    return folder


def ours(receiver: OtlpReceiver, path: str) -> list[Span]:
    """Spans of decisions about this route."""
    found = [(span, attributes(span)) for span in receiver.spans]
    return [span for span, has in found if "persona.decision" in has and has.get("http.route") == path]


def test_every_decision_is_a_span_under_envoys_span_of_the_callers_trace(
    tmp_path: Path, definitions: Path
) -> None:
    """The span of the decision is a child of Envoy's span, in the trace that the caller began."""
    with (
        otlp_receiver() as receiver,
        service(tmp_path, definitions, env={"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint}) as running,
        envoy(tmp_path, running, receiver) as url,
    ):
        key = issue(running.state)
        headers = {"authorization": f"Bearer {key}", "traceparent": f"00-{TRACE}-{CALLER_SPAN}-01"}
        deadline = time.monotonic() + PATIENCE
        while httpx.get(f"{url}/v1/accounts/A-1/balance", headers=headers).status_code == 401:
            assert time.monotonic() < deadline
        denied = httpx.delete(f"{url}/v1/accounts/A-1/balance", headers=headers)
        assert denied.status_code == 403
        route = "/v1/accounts/{account}/balance"
        until(lambda: bool(ours(receiver, route)))
        until(lambda: any(attributes(one).get("persona.decision.id") == denied.json()["decision"]
                          for one in receiver.spans))  # fmt: skip
        until(lambda: any("persona.decision" not in attributes(one) for one in receiver.spans))
        spans = list(receiver.spans)

    allowed = next(one for one in ours(receiver, route) if attributes(one)["persona.decision"] == "allow")
    has = attributes(allowed)
    assert allowed.trace_id.hex() == TRACE
    assert allowed.parent_span_id.hex() not in {"", CALLER_SPAN}
    assert allowed.parent_span_id in {
        one.span_id for one in spans if "persona.decision" not in attributes(one)
    }
    assert has["gen_ai.agent.id"] == "summarizer"
    assert has["user.id"] == "alice@example.com"
    assert has["persona.name"] == "reader"
    assert has["http.request.method"] == "GET"
    refused = next(
        one for one in spans if attributes(one).get("persona.decision.id") == denied.json()["decision"]
    )
    assert attributes(refused)["persona.decision"] == "deny"
    assert attributes(refused)["persona.reasons"] == ["tool.unknown"]
    assert refused.status.code == Status.STATUS_CODE_UNSET
