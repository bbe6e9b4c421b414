"""The tutorial `docs/guides/from-log-to-enforced.md`, word by word, with a real Envoy."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contracts.envoy_process import free_port

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "from-log-to-enforced.md"
MARK = "=== end of block ==="


def blocks() -> list[tuple[str, str]]:
    """Each command block with what it is said to print; empty when nothing is said."""
    found: list[tuple[str, str]] = []
    for kind, text in re.findall(r"```(sh|text)\n(.*?)```", GUIDE.read_text(), re.DOTALL):
        if kind == "sh":
            found.append((text, ""))
        else:
            found[-1] = found[-1][0], text
    return found


def as_said(said: str) -> re.Pattern[str]:
    """What is printed must match; `...` stands for anything."""
    return re.compile(re.escape(said.strip()).replace(r"\.\.\.", ".*"), re.DOTALL)


@pytest.mark.system("curl", "bash", "sed")
def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    """A guide that was not run is a guess. Only the two ports are others, for this machine may use them."""
    script = f"\necho '{MARK}'\n".join(text for text, _ in blocks())
    for port in ("8202", "10000"):
        script = script.replace(f"127.0.0.1:{port}", f"127.0.0.1:{(free := free_port())}")
        script = script.replace(f"http.server {port}", f"http.server {free}")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen(
        ["bash", "-e"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, cwd=tmp_path, env={**os.environ, "PATH": path, "COLUMNS": "200"}, start_new_session=True,
    ) as shell:  # fmt: skip
        try:
            out, err = shell.communicate(script, timeout=120)
        finally:
            os.killpg(shell.pid, signal.SIGKILL)

    assert shell.returncode == 0, out + err
    printed = out.split(f"{MARK}\n")
    assert len(printed) == len(blocks())
    for (text, said), got in zip(blocks(), printed, strict=True):
        assert not said or as_said(said).fullmatch(got.strip()), f"{text}\nprinted\n{got}\n{err}"
