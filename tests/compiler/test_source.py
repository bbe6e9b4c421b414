"""YAML as it is read: values with places, and nothing that only looks like data."""

import pytest

from authz.compiler.problem import Problems
from authz.compiler.source import MAX_BYTES, Plain, SourceFile, plain, read
from authz.core.app import Place


def values(data: bytes) -> tuple[list[Plain], list[str]]:
    """Documents, and what is wrong."""
    problems = Problems()
    found = read(SourceFile("f.yaml", data), problems)
    return [one.value for one in found], [str(one) for one in problems.errors]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("12", 12),
        ("-3", -3),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("no", "no"),
        ("07:00", "07:00"),
        ("007", "007"),
        ("1_000", "1_000"),
        ("2026-03-02", "2026-03-02"),
        ("-", "-"),
        (".", "."),
        ("1" * 40, "1" * 40),
    ],
)
def test_a_scalar_is_what_it_plainly_is(text: str, value: Plain) -> None:
    """Where YAML 1.1 and 1.2 disagree it stays text: nobody's `no` becomes false by surprise."""
    assert plain(text) == value
    assert type(plain(text)) is type(value)


def test_quotes_make_text() -> None:
    """Quotes are how an author says that a version is no number."""
    assert values(b"a: '3'\nb: \"true\"\nc: |\n  x\n") == ([{"a": "3", "b": "true", "c": "x\n"}], [])


def test_places_are_of_values_keys_and_the_nearest_thing_around() -> None:
    """A person goes to the line, so it must be the line."""
    [document] = read(SourceFile("d/f.yaml", b"a:\n  - b: 1\n    c: [x, y]\n"), Problems())

    assert document.at("a", 0, "c", 1) == Place("d/f.yaml", 3, 12)
    assert document.key("a", 0, "c") == Place("d/f.yaml", 3, 5)
    assert document.at("a", 0, "nothing") == Place("d/f.yaml", 2, 5)
    assert document.at("a", 7) == Place("d/f.yaml", 2, 3)
    assert document.at() == Place("d/f.yaml", 1, 1)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"a: 1\nb: 2\na: 3\n", "f.yaml:3:1: key `a` is there already"),
        (b"a: &x 1\n", "f.yaml:1:4: anchor `&x`: write the value out where it is needed"),
        (b"a: !!python/name:os.system x\n", "f.yaml:1:4: tag `tag:yaml.org,2002:python/name:os.system`"),
        (b"a: !!str 3\n", "f.yaml:1:4: tag `tag:yaml.org,2002:str`"),
        (b"a: !mine {}\n", "f.yaml:1:4: tag `!mine`"),
        (b"a:\tb\n", "f.yaml:1:3: has a tab"),
        (b"a: 1\nb: \x00\n", "f.yaml:2:4: is not YAML"),
        (b"\x89PNG\r\n\x1a\n\x00", "f.yaml:1:1: is not UTF-8"),
        ("a: b".encode("utf-16"), "f.yaml:1:1: is not UTF-8"),
        (b"a: 1\n  b: 2\n", "f.yaml:2:4: is not YAML"),
        (b"a: [1\n", "f.yaml:2:1: is not YAML"),
        (b"? [1, 2]\n: 3\n", "f.yaml:1:3: a key must be text"),
        (b"x" * (MAX_BYTES + 1), "f.yaml: is larger than 4 MiB"),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_place(data: bytes, problem: str) -> None:
    """Each of these has been a way to make a reader do or see something that the author's eye does not."""
    _, found = values(data)

    assert found
    assert found[0].startswith(problem)


def test_an_alias_is_refused_where_it_stands() -> None:
    """Aliases multiply: nine lines of them are a gigabyte."""
    bomb = b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"

    _, found = values(bomb)

    assert "f.yaml:3:5: alias `*b`: write the value out" in found


@pytest.mark.parametrize("opening", [b"- ", b"[", b"{a: "])
@pytest.mark.parametrize("depth", [65, 5_000, 200_000])
def test_deep_nesting_is_refused_and_not_followed(opening: bytes, depth: int) -> None:
    """A composer that recurses dies with the whole process; this one says so and goes on."""
    _, found = values(opening * depth)

    assert any("is nested deeper than 64 levels" in one for one in found)


def test_what_stands_before_a_syntax_error_is_still_read() -> None:
    """So that one run tells all that is wrong."""
    found, problems = values(b"a: 1\n---\nb: [\n")

    assert found == [{"a": 1}]
    assert len(problems) == 1


def test_empty_documents_are_none() -> None:
    """A comment, or `---` twice, defines nothing."""
    assert values(b"a: 1\n--- # nothing\n---\n---\nb: 2\n") == ([{"a": 1}, {"b": 2}], [])


@pytest.mark.parametrize("data", [b"", b"\n", b"# only a comment\n---\n---\n", b"~"])
def test_a_file_without_any_document_is_an_error(data: bytes) -> None:
    """A file that was emptied by mistake would take its personas out of force without a word."""
    assert values(data) == ([], ["f.yaml: holds no document"])
