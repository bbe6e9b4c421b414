"""How calls end: Envoy's access log, joined to decisions, from the real Envoy and a real app."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import yaml

from scripts.demo_story.envoy import adapted, pipe, tcp
from scripts.demo_story.stack import free_ports, listening
from tests.export.receivers import until
from tests.integration.running import PATIENCE, ROOT, issue, personas, service
from tests.server.world import DEFINITIONS


@contextmanager
def process(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that ends with the block."""
    started = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(PATIENCE)


def configuration(folder: Path, port: int, app: int) -> Path:
    """envoy/envoy.yaml for these addresses."""
    addresses = {name: tcp("127.0.0.1", app) for name in ("tickets", "crm", "billing", "shipping")}
    addresses["authorizer"] = pipe(str(folder / "authz.sock"))
    addresses["access_log"] = pipe(str(folder / "access.sock"))
    wanted = yaml.safe_load((ROOT / "envoy" / "envoy.yaml").read_text())
    path = folder / "envoy.yaml"
    path.write_text(yaml.safe_dump(adapted(wanted, tcp("127.0.0.1", port), addresses)))
    return path


def outcomes(state: Path) -> list[dict[str, Any]]:
    """Every outcome on the trail."""
    shown = personas("audit", "show", "--state", str(state), "--json").stdout.splitlines()
    return [record for record in map(orjson.loads, shown) if record["kind"] == "outcome"]


def test_every_call_is_joined_to_how_it_ended(tmp_path: Path) -> None:
    """Each outcome comes under its decision's id; what Envoy answered without asking us comes without one."""
    definitions = tmp_path / "defs"
    definitions.mkdir()
    (definitions / "world.yaml").write_bytes(DEFINITIONS)
    config = tmp_path / "service.yaml"
    config.write_text(f"access_log: unix:{tmp_path / 'access.sock'}\n")
    port, app = free_ports(2)
    url = f"http://127.0.0.1:{port}/v1/accounts"
    with ExitStack() as stack:
        running = stack.enter_context(service(tmp_path, definitions, "--config", str(config)))
        billing = stack.enter_context(
            process(sys.executable, "-m", "scripts.demo_apps.billing", "--port", str(app),
                    "--state", str(tmp_path / "billing.json"))
        )  # fmt: skip
        envoy = shutil.which("envoy", path=str(Path(sys.executable).parent)) or "envoy"
        stack.enter_context(
            process(envoy, "-c", str(configuration(tmp_path, port, app)), "--concurrency", "1", "-l", "error",
                    "--disable-hot-restart")
        )  # fmt: skip
        until(listening(app))
        until(listening(port))
        headers = {"authorization": f"Bearer {issue(running.state)}"}
        deadline = time.monotonic() + PATIENCE
        while (found := httpx.get(f"{url}/A-1/balance", headers=headers)).status_code == 401:
            assert time.monotonic() < deadline
        missing = httpx.get(f"{url}/A-9999/balance", headers=headers)
        denied = httpx.post(f"{url}/A-1/adjustments", headers=headers, json={"amount": 1})
        unseen = httpx.get(f"{url}/A-1%2f../balance", headers=headers)
        billing.kill()
        billing.wait()
        broken = httpx.get(f"{url}/A-1/balance", headers=headers)
        expected = {
            found.headers["x-persona-decision"]: ("ok", 200),
            missing.headers["x-persona-decision"]: ("not_found", 404),
            denied.headers["x-persona-decision"]: ("denied", 403),
            None: ("unseen", 400),
        }
        assert (broken.status_code, unseen.status_code) == (503, 400)

        def all_there() -> bool:
            told = {one["decision"]: (one["outcome"], one["status"]) for one in outcomes(running.state)}
            failed = [one for one in told.values() if one[1] == 503]
            return (
                told.items() >= expected.items()
                and bool(failed)
                and failed[0][0] in {"error", "not_forwarded"}
            )

        until(all_there)
        running.stop()
    assert personas("audit", "verify", "--state", str(running.state)).returncode == 0
