"""A set compiled whole: references across files, everything wrong told at once, or nothing compiled."""

from pathlib import Path

import pytest

from authz.compiler import DefinitionsError, SourceFile, compile_set
from authz.stores.definitions import load
from tests.compiler.world import APPS, PEOPLE, PERSONA, WHOLE, compiled, decided, errors, swapped

MISTAKES = Path(__file__).parent / "mistakes"


def test_the_set_compiles_and_decides() -> None:
    """The shape of the contracts, end to end."""
    made = compiled()

    assert decided(made, app="tickets", tool="search_tickets") == "allow"
    assert decided(made, app="billing", tool="adjust_balance") == "tool.not-granted, data.not-allowed"


def test_references_are_found_across_files_in_any_order() -> None:
    """A folder has no order that means something."""
    files = [SourceFile(f"{at}.yaml", text.encode()) for at, text in enumerate((PERSONA, APPS, PEOPLE))]

    assert (
        compile_set(files).definitions.digest
        == compile_set(files[::-1]).definitions.digest
        == compiled().definitions.digest
    )


def test_fifteen_planted_mistakes_are_fifteen_places() -> None:
    """One run tells all that is wrong: each planted line is told once, and no other."""
    planted = [
        f"{path}:{number}"
        for path in sorted(MISTAKES.glob("*.yaml"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "# mistake" in line
    ]

    with pytest.raises(DefinitionsError) as caught:
        load(MISTAKES)

    assert len(planted) == 15
    assert [str(one.place) for one in caught.value.problems] == planted


def test_a_mistake_does_not_hide_the_next_nor_cause_another() -> None:
    """What refers to a thing that could not be read is not itself wrong."""
    broken = swapped("name: search_tickets, access: read", "name: search_tickets, access: raed")
    broken = swapped("access: [read]\n", "tools: [search_tickets, serach_tickets]\n", broken)

    assert errors(broken) == [
        "9:29: app `tickets` has no tool `serach_tickets`",
        "21:36: `raed` is none of read, write, delete, execute, send, did you mean `read`?",
    ]


def test_nothing_to_compile_is_an_error() -> None:
    """An empty set would deny everything, silently, because of a wrong path."""
    assert errors("# nothing\n") == [" holds no document"]
    with pytest.raises(DefinitionsError):
        compile_set([])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind: Persona\n", "1:1: `apiVersion` is missing"),
        ("apiVersion: personas/v1\nkind: Persna\n", "2:7: unknown kind `Persna`, did you mean `Persona`?"),
        ("apiVersion: personas/v1\n", "1:1: `kind` is missing"),
        ("- a\n", "1:1: expected a mapping with `apiVersion` and `kind`"),
        ("apiVersion: personas/v2\nkind: App\n", "1:13: `personas/v2` is none of personas/v1"),
    ],
)
def test_a_document_says_what_it_is(text: str, problem: str) -> None:
    """Without a kind nobody can say what is wrong with the rest."""
    assert any(one.startswith(problem) for one in errors(text))


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        (PERSONA, "persona `support` is there already"),
        (APPS, "app `tickets` is there already"),
        (PEOPLE, "group `guests` is there already"),
        (PEOPLE, "user `alice@example.com` is there already"),
    ],
)
def test_two_of_one_name_are_refused(second: str, problem: str) -> None:
    """Which of them held would depend on the order of files."""
    assert any(one.endswith(problem) for one in errors(f"{WHOLE}---\n{second}"))


def test_a_layout_that_says_the_same_has_the_same_digest() -> None:
    """The digest in the record is of what is enforced, not of blanks and comments."""
    same = swapped("access: [read]\n", "access:   # only reading\n      - read\n")

    assert compiled(same).definitions.digest == compiled().definitions.digest
    assert compiled(swapped('"3"', '"4"')).definitions.digest != compiled().definitions.digest


def test_what_lies_beside_is_part_of_the_digest() -> None:
    """A pinned tool that changes is a change of what is enforced."""
    tools = b'[{"name": "search_tickets"}]'

    assert compiled(pinned={"tickets": tools}).definitions.digest != compiled().definitions.digest


def test_progress_is_told_and_ends() -> None:
    """A bar that never fills looks like a hang."""
    told: list[tuple[int, int]] = []

    compile_set([SourceFile("f.yaml", WHOLE.encode())], progress=lambda done, of: told.append((done, of)))

    assert told == sorted(told)
    assert told[-1][0] <= told[-1][1]
