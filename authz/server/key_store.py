"""Which store of keys the settings name: the embedded one, or PostgreSQL for several machines."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from authz.server.settings import Settings, SettingsError
from authz.stores.keys import KeyChange, KeyStore
from authz.stores.keys_postgres import open_postgres_keys
from authz.stores.keys_sqlite import open_keys


def open_key_store(
    state: Path,
    settings: Settings,
    *,
    tell: Callable[[KeyChange], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> KeyStore:
    """The keys, read into memory.

    Raises:
        StoreError: the store or the pepper cannot be used.
        SettingsError: PostgreSQL is named without a pepper that all machines share.
    """
    grace = timedelta(seconds=settings.keys.grace_seconds)
    if settings.keys.postgres is None:
        return open_keys(state, grace=grace, tell=tell, progress=progress)
    if settings.keys.pepper is None:
        raise SettingsError("`keys.pepper`: name the file that all machines share, beside `keys.postgres`")
    return open_postgres_keys(
        settings.keys.postgres, settings.keys.pepper, grace=grace, tell=tell, progress=progress
    )
