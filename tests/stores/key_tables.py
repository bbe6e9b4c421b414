"""Tables of keys that the contract is held to: real ones, each made empty for a test."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from authz.stores.keys import KeyTable
from authz.stores.keys_sqlite import SqliteKeyTable

Opener: TypeAlias = Callable[[], KeyTable]
"""Opens the same database once more, as another process would."""


@contextmanager
def sqlite(folder: Path) -> Iterator[Opener]:
    """SQLite in a folder."""
    opened: list[KeyTable] = []

    def open_one() -> KeyTable:
        table = SqliteKeyTable(folder / "keys.sqlite")
        opened.append(table)
        return table

    try:
        yield open_one
    finally:
        for table in opened:
            table.close()
