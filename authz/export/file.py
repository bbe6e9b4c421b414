"""A file: one record a line, for an agent that tails it."""

import os
from collections.abc import Sequence
from pathlib import Path

from authz.export.forms import Form, written
from authz.export.sink import Item, Unavailable


class File:
    """Appends to a file, which another program may move away at any time."""

    batch = 1000

    def __init__(self, path: Path, *, name: str = "file", form: Form = Form.JSON) -> None:
        self.name = name
        self._path = path
        self._form = form

    def deliver(self, items: Sequence[Item]) -> None:
        """Append a batch; it is on the disk when this returns.

        Raises:
            Unavailable: it can't be written.
        """
        block = b"".join(written(item, self._form) + b"\n" for item in items)
        try:
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                size = os.fstat(handle).st_size
                if os.write(handle, block) != len(block):
                    os.ftruncate(handle, size)
                    raise OSError(None, "no space left")
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise Unavailable(f"{self._path}: {(error.strerror or 'cannot be written').lower()}") from None

    def close(self) -> None:
        """Nothing is held open."""
