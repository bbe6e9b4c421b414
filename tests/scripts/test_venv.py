"""`scripts/venv`, which makes `.venv`: cheap when nothing changed, one clear line when it cannot."""

import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TOOLS = (
    "bash",
    "cat",
    "cksum",
    "dirname",
    "env",
    "grep",
    "head",
    "mktemp",
    "rm",
    "sed",
    "sleep",
    "tail",
    "tr",
)

PIP = """#!/bin/bash
# Stands for the Python of a finished .venv, and for pip: notes how it was called.
case "$*" in
  "-c import pip"*) exit 0 ;;
  *) echo "$*" >> calls; {then} ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What of a checkout `scripts/venv` looks at, and a PATH of nothing but its tools."""
    for name in ("scripts", "requirements", "bin", "tmp"):
        (tmp_path / name).mkdir()
    shutil.copy(ROOT / "scripts" / "venv", tmp_path / "scripts")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for kind in ("demo", "dev"):
        (tmp_path / "requirements" / f"{kind}.txt").write_text(f"{kind}==1\n")
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    return tmp_path


def script(path: Path, text: str) -> None:
    """An executable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def environment(checkout: Path) -> dict[str, str]:
    """Nothing but the tools."""
    return {"PATH": str(checkout / "bin"), "TMPDIR": str(checkout / "tmp")}


def venv(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        [checkout / "scripts" / "venv", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment(checkout),
    )


def with_pip(checkout: Path, then: str = "exit 0") -> None:
    """A `.venv` whose pip does nothing but note its arguments, then `then`."""
    script(checkout / ".venv" / "bin" / "python", PIP.format(then=then))
    script(checkout / ".venv" / "bin" / "personas", "#!/bin/bash\n")


def test_a_python_that_is_too_old_is_one_line(checkout: Path) -> None:
    """It says which it found and how to name another."""
    script(
        checkout / "bin" / "python3",
        '#!/bin/bash\ncase "$1" in --version) echo Python 3.9.2;; *) exit 1;; esac\n',
    )
    done = venv(checkout, "demo")

    assert done.returncode == 2
    assert done.stderr == (
        "scripts/venv: needs Python 3.11 or newer, found Python 3.9.2; name one in PYTHON\n"
    )
    assert not (checkout / ".venv").exists()


def test_an_unchanged_lock_file_costs_nothing(checkout: Path) -> None:
    """The second start of the demo must not wait for pip."""
    with_pip(checkout)
    first, second = venv(checkout, "demo"), venv(checkout, "demo", "cat", "requirements/demo.txt")

    calls = (checkout / "calls").read_text().splitlines()
    assert (first.returncode, second.returncode, second.stdout) == (0, 0, "demo==1\n")
    assert len(calls) == 2
    assert "--require-hashes -r requirements/demo.txt" in calls[0]
    assert "--no-deps --no-build-isolation -e ." in calls[1]


def test_a_changed_lock_file_is_installed(checkout: Path) -> None:
    """A demo of yesterday's packages proves nothing about today's."""
    with_pip(checkout)
    venv(checkout, "demo")
    (checkout / "requirements" / "demo.txt").write_text("demo==2\n")
    venv(checkout, "demo")

    assert len((checkout / "calls").read_text().splitlines()) == 4


def test_what_was_made_for_the_tests_serves_the_demo_and_not_the_other_way_round(checkout: Path) -> None:
    """The packages of dev are a superset of those of the demo."""
    with_pip(checkout)
    venv(checkout, "dev")
    venv(checkout, "demo")
    after_dev = len((checkout / "calls").read_text().splitlines())
    (checkout / ".venv" / ".made-from").unlink()
    venv(checkout, "demo")
    venv(checkout, "dev")

    assert (after_dev, len((checkout / "calls").read_text().splitlines())) == (2, 6)


def test_a_failed_installation_is_one_line_and_is_tried_again(checkout: Path) -> None:
    """Half an environment must never pass for a whole one."""
    with_pip(checkout, "echo 'ERROR: no such package'; exit 1")
    done = venv(checkout, "demo")

    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "scripts/venv: cannot install: ERROR: no such package"
    assert not (checkout / ".venv" / ".made-from").exists()
    assert list((checkout / "tmp").iterdir()) == []


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_pip_as_well(checkout: Path, number: signal.Signals, status: int) -> None:
    """Whoever stops the demo while it installs must not leave pip running."""
    with_pip(checkout, "echo $$ > pid; exec sleep 60")
    with subprocess.Popen(
        [checkout / "scripts" / "venv", "demo"], env=environment(checkout), stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + 10
        while not (checkout / "pid").exists() or not (checkout / "pid").read_text().strip():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        pip = (checkout / "pid").read_text().strip()
        process.send_signal(number)

        assert process.wait(10) == status
    while Path("/proc", pip).exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_unknown_kind_is_wrong_usage(checkout: Path) -> None:
    """One line, status 2."""
    done = venv(checkout, "production")

    assert (done.returncode, done.stderr) == (2, "scripts/venv: `production` is neither demo nor dev\n")


@pytest.mark.long
def test_from_a_clean_checkout(tmp_path: Path) -> None:
    """The promise of the README: one command, on a machine that has Python, pip and a network."""
    subprocess.run(["git", "clone", "--quiet", ROOT, tmp_path / "clone"], check=True)
    done = subprocess.run(
        [tmp_path / "clone" / "scripts" / "demo", "--check"], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr
