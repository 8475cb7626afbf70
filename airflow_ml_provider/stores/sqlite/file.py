"""A SQLite file: opened with a write-ahead log, by however many processes at once."""

from __future__ import annotations

import sqlite3
import time

from airflow_ml_provider.domain.errors import ConfigurationError
from airflow_ml_provider.stores.sqlite.dialect import lend_functions


def opened(path: str, lock_wait: float) -> sqlite3.Connection:
    """
    Return a connection to the file, in autocommit mode; the file is made when there is none.

    :raises ConfigurationError: for a place where no write-ahead log can be kept.
    :raises sqlite3.OperationalError: when others are in the way for ``lock_wait`` seconds.
    """
    # Streams may be read by a thread of the reader's; one uses the connection at a time.
    connection = sqlite3.connect(
        path, timeout=lock_wait, isolation_level=None, check_same_thread=False
    )
    try:
        mode = _logged_ahead(connection, lock_wait)
        connection.execute("PRAGMA synchronous = FULL")
        lend_functions(connection)
    except BaseException:
        connection.close()
        raise
    if mode != "wal":
        connection.close()
        msg = (
            f"SQLite cannot keep a write-ahead log for {path!r} (it offers {mode!r}), so "
            "readers and a writer would be in each other's way. Use a file on a local disk."
        )
        raise ConfigurationError(msg)
    return connection


def _logged_ahead(connection: sqlite3.Connection, lock_wait: float) -> str:
    """Turn the write-ahead log on, and return the mode in which the file is then."""
    deadline = time.monotonic() + lock_wait
    pause = 0.005
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            # Of those who turn it on in a new file at once, SQLite lets one do so and refuses the
            # others at once, for all that they would wait: each holds what the other needs.
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 2, 0.5)
