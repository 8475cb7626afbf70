"""What SQLite says when something fails, in the words of the domain, and who holds it up."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow_ml_provider.domain.errors import (
    ConfigurationError,
    DataError,
    ExhaustedError,
    MLProviderError,
    QueryError,
    SchemaMismatchError,
    TableMissingError,
    UnavailableError,
)
from airflow_ml_provider.stores.connection.session import ConflictError

_BASE = 0xFF  # the lower byte of an extended code is the plain one
_KINDS: dict[int, type[MLProviderError]] = {
    sqlite3.SQLITE_CANTOPEN: UnavailableError,
    sqlite3.SQLITE_CONSTRAINT: DataError,
    sqlite3.SQLITE_CONSTRAINT_NOTNULL: SchemaMismatchError,
    sqlite3.SQLITE_BUSY_SNAPSHOT: ConflictError,
    sqlite3.SQLITE_CORRUPT: UnavailableError,
    sqlite3.SQLITE_FULL: ExhaustedError,
    sqlite3.SQLITE_IOERR: UnavailableError,
    sqlite3.SQLITE_IOERR_WRITE: ExhaustedError,
    sqlite3.SQLITE_MISMATCH: DataError,
    sqlite3.SQLITE_NOMEM: ExhaustedError,
    sqlite3.SQLITE_NOTADB: ConfigurationError,
    sqlite3.SQLITE_PERM: ConfigurationError,
    sqlite3.SQLITE_READONLY: ConfigurationError,
    sqlite3.SQLITE_TOOBIG: DataError,
}
# In the shared-memory file beside the database, who writes locks this byte.
_WRITERS_BYTE = 120


@contextmanager
def told(path: str, lock_wait: float) -> Iterator[None]:
    """Turn the errors of SQLite and of its driver into the domain's."""
    try:
        yield
    except (sqlite3.Error, OverflowError) as error:
        raise _domain_error(error, path, lock_wait) from error


def _domain_error(error: Exception, path: str, lock_wait: float) -> MLProviderError:
    code = getattr(error, "sqlite_errorcode", None)
    if isinstance(error, OverflowError) or "decode to UTF-8" in str(error):
        return DataError(f"A value does not fit into SQLite, or out of it: {error}.")
    if code is None:
        return QueryError(f"SQLite refused the statement: {error}.")
    kind = _KINDS.get(code) or _KINDS.get(code & _BASE)
    if kind is None and code & _BASE in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return UnavailableError(_busy(path, lock_wait))
    if missing := re.match(r"no such table: (.*)", str(error)):
        return TableMissingError(f"Table {missing[1]}, which is read, does not exist in {path}.")
    return (kind or QueryError)(f"SQLite file {path}: {error}.")


def _busy(path: str, lock_wait: float) -> str:
    pid = writer_of(path)
    who = f"process {pid} ({_program(pid)})" if pid else "another process"
    return (
        f"SQLite file {path} is being written by {who}, for more than {lock_wait:g} s. SQLite lets "
        "one write at a time. Wait for that process or end it, or use a PostgreSQL or MySQL store "
        "where many tasks write at once."
    )


def writer_of(path: str) -> int | None:
    """Return the process that writes to a database, where the system tells."""
    try:
        shared = os.stat(f"{path}-shm")  # noqa: PTH116  its device has no name in pathlib
        locks = Path("/proc/locks").read_text()
    except OSError:
        return None
    place = f"{os.major(shared.st_dev):02x}:{os.minor(shared.st_dev):02x}:{shared.st_ino}"
    held = re.search(rf"WRITE +(\d+) {place} {_WRITERS_BYTE} ", locks)
    return int(held[1]) if held else None


def _program(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return "unknown"
