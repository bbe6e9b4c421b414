"""Rows for spreadsheets."""

import csv

from authz.audit.table import COLUMNS, header, row
from tests.audit.samples import DENY, record


def test_a_row_has_a_cell_for_every_column() -> None:
    """Columns must not shift."""
    (cells,) = csv.reader([row(record(1, DENY))])
    found = dict(zip(header().split(","), cells, strict=True))

    assert found["agent.id"] == "support-summarizer"
    assert found["reasons"] == "tool.not-granted"
    assert found["data"] == "financial internal"
    assert len(cells) == len(COLUMNS)


def test_a_spreadsheet_does_not_run_what_an_agent_wrote() -> None:
    """A tool named `=cmd()` is a formula otherwise."""
    made = record(1)
    made["user"] = '=HYPERLINK("http://x")'

    (cells,) = csv.reader([row(made)])

    assert cells[COLUMNS.index("user")].startswith("'=")
