"""Definitions in files: which of a folder are read, and what lies beside them."""

import gc
import os
from pathlib import Path

import pytest

from authz.compiler import DefinitionsError
from authz.stores.definitions import collecting_later, load, read_cases, read_folder
from tests.compiler.world import APPS, PEOPLE, PERSONA, WHOLE


def messages(path: Path) -> list[str]:
    """What is wrong."""
    with pytest.raises(DefinitionsError) as caught:
        load(path)
    return [str(one) for one in caught.value.problems]


def test_a_folder_is_its_yaml_and_not_its_sub_folders_nor_its_cases(tmp_path: Path) -> None:
    """The library and the bindings lie below and are not loaded unless named."""
    (tmp_path / "b.yaml").write_text(PERSONA)
    (tmp_path / "a.yaml").write_text(APPS + PEOPLE)
    (tmp_path / "a.cases.yaml").write_text("nonsense")
    (tmp_path / "notes.txt").write_text("nonsense")
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "c.yaml").write_text("nonsense")

    files, beside = read_folder(tmp_path)

    assert [one.name for one in files] == [f"{tmp_path}/a.yaml", f"{tmp_path}/b.yaml"]
    assert beside == {}
    assert [one.name for one in read_cases(tmp_path)] == [f"{tmp_path}/a.cases.yaml"]
    assert set(load(tmp_path).definitions.personas) == {"support"}


def test_places_have_the_name_that_the_user_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`personas/support.yaml:8`, to be clicked on where it was typed."""
    (tmp_path / "personas").mkdir()
    (tmp_path / "personas" / "support.yaml").write_text(WHOLE)
    monkeypatch.chdir(tmp_path)

    grants = load(Path("personas")).definitions.personas["support"].grants["tickets"]

    assert grants.session is not None
    assert str(grants.session.place) == "personas/support.yaml:8"


def test_what_lies_beside_is_handed_on(tmp_path: Path) -> None:
    """Pinned tools by the name of their app, descriptor sets by the name of their file."""
    (tmp_path / "all.yaml").write_text(WHOLE)
    (tmp_path / "tickets.tools.json").write_bytes(b'[{"name": "get_ticket"}]')
    (tmp_path / "shipping.binpb").write_bytes(b"\x0a\x00")

    assert read_folder(tmp_path)[1] == {
        "tickets": b'[{"name": "get_ticket"}]',
        "shipping.binpb": b"\x0a\x00",
    }
    assert read_folder(tmp_path / "all.yaml")[1] == read_folder(tmp_path)[1]
    assert load(tmp_path).definitions.apps["tickets"].tools["get_ticket"].definition is not None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent", "is not there"),
        ("empty", "no `*.yaml` with definitions here"),
        ("pipe", "is no file or folder"),
    ],
)
def test_a_path_without_definitions_is_an_error(tmp_path: Path, name: str, message: str) -> None:
    """A wrong path must not load as an empty set."""
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")

    assert messages(tmp_path / name) == [f"{tmp_path / name}: {message}"]


def test_a_file_that_cannot_be_read_is_an_error_with_its_name(tmp_path: Path) -> None:
    """And a dangling link is nothing to read."""
    (tmp_path / "a.yaml").symlink_to(tmp_path / "a.yaml")

    assert messages(tmp_path) == [f"{tmp_path}: no `*.yaml` with definitions here"]


def test_a_file_that_is_too_large_is_refused_without_being_parsed(tmp_path: Path) -> None:
    """Four mebibytes of persona are a mistake or an attack."""
    (tmp_path / "a.yaml").write_bytes(b"#" * (4 * 1024 * 1024 + 1))

    assert messages(tmp_path) == [f"{tmp_path}/a.yaml: is larger than 4 MiB"]


def test_garbage_is_collected_again_after_compiling(tmp_path: Path) -> None:
    """Also when compiling fails."""
    with collecting_later():
        inside = gc.isenabled()

    messages(tmp_path)

    assert (inside, gc.isenabled()) == (False, True)
