"""The reference page."""

import re

from authz.compiler.reference import reference
from authz.compiler.schema import MODELS


def test_every_kind_has_its_section_and_every_table_its_examples() -> None:
    """A key without an example is guessed at."""
    page = reference()
    rows = [line for line in page.splitlines() if line.startswith("| `")]

    assert re.findall(r"^## (\w+)$", page, flags=re.MULTILINE) == list(MODELS)
    assert [row for row in rows if row.endswith("|  |") or "null" in row.rpartition(" | ")[2]] == []


def test_a_mapping_is_described_once_and_referred_to_afterwards() -> None:
    """`each` is what `where` is."""
    page = reference()

    assert page.count("What one argument must be.") == 1
    assert "### `tools[].where.*.each`\n\nAs `tools[].where.*`." in page


def test_defaults_are_written_as_an_author_writes_them() -> None:
    """Not as Python prints them."""
    page = reference()

    assert "| `longest` | `1h` unless given |" in page
    assert "| `review` | `false` unless given |" in page
