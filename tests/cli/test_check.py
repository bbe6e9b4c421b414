"""`personas check`: every error as `file:line:col: message`, sorted; 0, or 1 with errors."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.compiler.world import APPS, PEOPLE, PERSONA, WHOLE, swapped

MISTAKES = Path(__file__).resolve().parents[1] / "compiler" / "mistakes"


def check(*paths: Path | str) -> tuple[int, list[str], str]:
    """Exit status, lines on standard output, and standard error, of the real command."""
    done = subprocess.run(
        [sys.executable, "-m", "authz.cli.main", "check", *map(str, paths)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.splitlines(), done.stderr


def test_good_definitions_end_with_0(tmp_path: Path) -> None:
    """And say what was found, so that an empty folder is not mistaken for a good one."""
    (tmp_path / "all.yaml").write_text(WHOLE)

    status, lines, errors = check(tmp_path)

    assert (status, errors) == (0, "")
    assert lines == [f"{tmp_path}: ok: 1 persona, 2 apps, 5 tools, 3 users, 0 cases"]


def test_every_planted_mistake_is_printed_once_and_in_order() -> None:
    """One run, fifteen places."""
    status, lines, errors = check(MISTAKES)

    assert status == 1
    assert len(lines) == 15
    assert lines == sorted(lines, key=lambda one: (one.split(":")[0], *map(int, one.split(":")[1:3])))
    assert errors == "15 errors in 3 files\n"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder, "no `*.yaml` with definitions here"),
        (lambda folder: folder / "absent", "is not there"),
        (lambda folder: folder / "empty.yaml", "holds no document"),
    ],
)
def test_a_path_without_any_document_is_an_error(tmp_path: Path, make: object, message: str) -> None:
    """A wrong path must not look like good definitions."""
    path = make(tmp_path)  # type: ignore[operator]  # a lambda of the table
    if path.suffix:
        path.write_text("# nothing\n")

    status, lines, _ = check(path)

    assert status == 1
    assert lines == [f"{path}: {message}"]


def test_files_named_one_by_one_are_one_set(tmp_path: Path) -> None:
    """As a shell's `*.yaml` gives them."""
    for name, text in (("a", PERSONA), ("b", APPS), ("c", PEOPLE)):
        (tmp_path / f"{name}.yaml").write_text(text)

    assert check(*sorted(tmp_path.glob("*.yaml")))[0] == 0
    assert check(tmp_path / "a.yaml")[0] == 1


def test_folders_are_sets_of_their_own(tmp_path: Path) -> None:
    """Two teams may both have an app of one name."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "all.yaml").write_text(WHOLE)

    status, lines, _ = check(tmp_path / "a", tmp_path / "b")

    assert (status, len(lines)) == (0, 2)


def test_cases_are_checked_too(tmp_path: Path) -> None:
    """A case that names no persona tests nothing."""
    (tmp_path / "all.yaml").write_text(WHOLE)
    (tmp_path / "all.cases.yaml").write_text(
        "apiVersion: personas/v1\nkind: Cases\npersona: suport\ntests:\n"
        "  - {name: a, call: {app: tickets, tool: get_ticket}, expect: allow}\n"
    )

    status, lines, _ = check(tmp_path)

    assert status == 1
    assert lines == [f"{tmp_path}/all.cases.yaml:5:5: unknown persona `suport`, did you mean `support`?"]


def test_warnings_are_no_errors(tmp_path: Path) -> None:
    """They go to standard error, so that what a script counts are errors."""
    text = swapped("users: {groups: [support-agents]}", "users: {}")
    (tmp_path / "all.yaml").write_text(text)

    status, lines, errors = check(tmp_path)

    assert (status, len(lines)) == (0, 1)
    assert "warning: names nobody" in errors
    assert check(tmp_path, "--strict")[0] == 1


def test_wrong_usage_ends_with_2() -> None:
    """As for every command."""
    assert check()[0] == 2
