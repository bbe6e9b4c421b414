"""`serve` starts the exporter with the sinks of its settings file."""

from pathlib import Path

import orjson

from tests.export.http_receivers import http_receiver
from tests.export.receivers import until
from tests.integration.running import issue, personas, service
from tests.server.world import DEFINITIONS, check, tool_call


def test_a_denied_call_reaches_the_sink_that_the_settings_name(tmp_path: Path) -> None:
    """From the question of Envoy to the SIEM, and the trail verifies."""
    folder = tmp_path / "defs"
    folder.mkdir()
    (folder / "world.yaml").write_bytes(DEFINITIONS)
    with http_receiver() as receiver:
        config = tmp_path / "service.yaml"
        config.write_text(
            f"seal_key: {tmp_path}/vault/seal.key\n"
            f"export: {{sinks: [{{type: webhook, url: '{receiver.url}'}}]}}\n"
        )
        with service(tmp_path, folder, "--config", str(config)) as running:
            key = issue(running.state)
            asked = check(key=key, body=tool_call("close_ticket", ticket="T-1"))
            # A new key is in force within a second: before that nobody knows whose it is.
            until(lambda: running.ask(asked).denied_response.status.code == 200)

            def arrived() -> list[dict[str, object]]:
                return [one for post in list(receiver.taken) for one in orjson.loads(post.body)]

            until(lambda: any(one["kind"] == "decision" and one["user"] for one in arrived()))
            running.stop()

    found = next(one for one in arrived() if one["kind"] == "decision" and one["user"])
    assert (found["decision"], found["user"]) == ("deny", "alice@example.com")
    assert any(one["kind"] == "event" for one in arrived())
    done = personas("audit", "verify", "--state", str(tmp_path / "state"))
    assert done.returncode == 0, done.stdout
    assert not (tmp_path / "state/trail/seal.key").exists()
