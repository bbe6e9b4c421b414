"""`personas export`: the exporter as operators start it."""

import signal
import subprocess
import sys
from pathlib import Path

import httpx
import orjson
import pytest

from authz.stores.trail import Trail
from tests.audit.samples import DENY, record
from tests.export.http_receivers import free_port, http_receiver
from tests.export.receivers import otlp_receiver, until

COMMAND = [sys.executable, "-m", "authz.cli.main", "export"]


def export(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run([*COMMAND, *words], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("export: {sinks: [{type: splunk, url: 'http://x'}]}", "`export.sinks.0.splunk.token`"),
        ("export: {sinks: [{type: carrier-pigeon}]}", "carrier-pigeon"),
        ("export: {sinks: [{type: file, path: /x, colour: red}]}", "colour"),
        ("export: {sinks: [{type: file, path: /x}, {type: file, path: /y}]}", "named `file`"),
        ("export: {sinks: [{type: splunk, url: 'http://x', token: {file: /nowhere}}]}", "/nowhere"),
        ("export: {metrics: nine}", "HOST:PORT"),
        ("- 1", "mapping"),
        ("a: [", "not YAML"),
        ("{}", "nothing to ship to"),
    ],
)
def test_settings_that_mean_nothing_are_one_line(tmp_path: Path, settings: str, said: str) -> None:
    """What is wrong and where; never a traceback, never a secret."""
    path = tmp_path / "settings.yaml"
    path.write_text(settings)

    done = export("--state", str(tmp_path), "--config", str(path))

    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_wrong_secret_is_not_repeated(tmp_path: Path) -> None:
    """Error messages end up in tickets."""
    path = tmp_path / "settings.yaml"
    path.write_text("export: {sinks: [{type: splunk, url: 'http://x', token: [PLANTED]}]}")

    assert "PLANTED" not in export("--state", str(tmp_path), "--config", str(path)).stderr


def test_it_ships_to_all_sinks_and_ends_on_sigterm(tmp_path: Path) -> None:
    """Settings, secrets from files, spans by the standard variable, metrics: in one process."""
    state = tmp_path / "state"
    with Trail.open(state) as trail:
        trail.append([record(1), record(2, DENY)])
    (tmp_path / "token").write_text("t-1\n")
    port = free_port()
    with http_receiver() as splunk, otlp_receiver() as collector:
        path = tmp_path / "settings.yaml"
        path.write_text(
            "drain_seconds: 5\n"
            "export:\n"
            f"  metrics: 127.0.0.1:{port}\n"
            "  sinks:\n"
            f"    - {{type: splunk, url: '{splunk.url}', token: {{file: {tmp_path}/token}}}}\n"
            f"    - {{type: file, path: {tmp_path}/copy.jsonl}}\n"
        )
        process = subprocess.Popen(
            [*COMMAND, "--state", str(state), "--config", str(path), "--otlp", collector.endpoint]
        )
        until(lambda: len(collector.spans) == 2 and bool(splunk.taken) and (tmp_path / "copy.jsonl").exists())
        metrics = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0

    assert splunk.taken[0].headers["authorization"] == "Splunk t-1"
    assert 'personas_export_up{sink="otlp"} 1' in metrics
    assert orjson.loads((tmp_path / "copy.jsonl").read_bytes().splitlines()[0])["id"] == "000000000001"


def test_a_metrics_address_in_use_is_one_line(tmp_path: Path) -> None:
    """The operator gave one port to two."""
    with http_receiver() as taken:
        done = export("--state", str(tmp_path), "--metrics", taken.url.removeprefix("http://"))

    assert done.returncode == 2
    assert "in use" in done.stderr
