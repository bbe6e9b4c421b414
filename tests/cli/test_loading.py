"""Paths on a command line to compiled sets."""

import os
import pty
import subprocess
import sys
from pathlib import Path

from authz.cli.loading import ENOUGH, sets_of
from tests.compiler.world import APPS, PEOPLE, PERSONA


def test_each_folder_is_a_set_and_files_belong_to_all(tmp_path: Path) -> None:
    """`check library/*` checks each; `check *.yaml` checks them together."""
    a, b, file = tmp_path / "a", tmp_path / "b", tmp_path / "people.yaml"
    a.mkdir()
    b.mkdir()

    assert sets_of([a, b]) == [[a], [b]]
    assert sets_of([a, file, b]) == [[a, file], [b, file]]
    assert sets_of([file, tmp_path / "absent.yaml"]) == [[file, tmp_path / "absent.yaml"]]


def checked(folder: Path, *, terminal: bool) -> tuple[int, bytes]:
    """Exit status and what `check` shows beside its result, with and without somebody watching."""
    command = [sys.executable, "-m", "authz.cli.main", "check", str(folder)]
    ours, theirs = pty.openpty() if terminal else os.pipe()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs, env=environment) as process:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        status = process.wait(timeout=60)
    os.close(ours)
    return status, shown


def _read(file: int) -> bytes:
    try:
        return os.read(file, 65536)
    except OSError:  # a terminal whose other end was closed
        return b""


def test_a_large_set_shows_its_progress_on_a_terminal_and_nowhere_else(tmp_path: Path) -> None:
    """A person waits with a bar; a log is not filled with one."""
    copies = [PERSONA.replace("name: support,", f"name: support-{at},") for at in range(2 * ENOUGH)]
    (tmp_path / "all.yaml").write_text("---\n".join(copies) + APPS + PEOPLE)

    assert checked(tmp_path, terminal=False) == (0, b"")
    status, shown = checked(tmp_path, terminal=True)
    assert status == 0
    assert b"compiling" in shown
    assert "━".encode() in shown
