"""A DuckDB file: opened by one process at a time, and waited for while another has it."""

from __future__ import annotations

import fcntl
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from airflow_ml_provider.domain.errors import UnavailableError
from airflow_ml_provider.stores.duckdb import journal
from airflow_ml_provider.stores.duckdb.engine import CONFIG, installed, settled

if TYPE_CHECKING:
    import duckdb

IN_MEMORY = ":memory:"
_MOST_OF_A_CLOSE = 10.0
_Answer = TypeVar("_Answer")


def opened(path: str, lock_wait: float) -> duckdb.DuckDBPyConnection:
    """
    Return a connection to the file, in UTC; the file is made when there is none.

    :raises UnavailableError: when another process holds it for ``lock_wait`` seconds, or when it
        cannot be opened at all.
    """
    library = installed()

    def connect() -> duckdb.DuckDBPyConnection:
        with gate(path):
            return _connected(path)

    try:
        return _persistently(connect, lock_wait)
    except (library.Error, OSError) as error:
        raise UnavailableError(_why_not(path, lock_wait, str(error))) from error


def _connected(path: str) -> duckdb.DuckDBPyConnection:
    """Connect in the gate; a file that a killed process has left torn is mended before."""
    library = installed()
    if path == IN_MEMORY:
        return settled(library.connect(path, config=CONFIG))
    if not Path(path).exists():
        journal.forget(path)
    try:
        connection = library.connect(path, config=CONFIG)
    except library.Error as error:
        if not journal.mended(path, error):
            raise
        connection = library.connect(path, config=CONFIG)
    journal.hold(path)
    return settled(connection)


def another(connection: duckdb.DuckDBPyConnection, path: str) -> duckdb.DuckDBPyConnection:
    """Return a cursor, which may outlive its connection and has to be closed as that has."""
    cursor = settled(connection.cursor())
    if path != IN_MEMORY:
        journal.hold(path)
    return cursor


def committed(connection: duckdb.DuckDBPyConnection, path: str) -> None:
    """Commit, which begins a checkpoint when there is much to write."""
    if path != IN_MEMORY:
        journal.keep(path, connection)
    connection.execute("COMMIT")


def closed(handle: duckdb.DuckDBPyConnection, path: str) -> None:
    """Close a connection or a cursor: the last one to a file makes a checkpoint."""
    if path == IN_MEMORY:
        handle.close()
        return

    def close() -> None:
        with gate(path):
            # Of a database that has failed nothing can be asked, and nothing is written.
            with suppress(installed().Error):
                if Path(f"{path}.wal").exists():
                    journal.keep(path, handle)
            handle.close()

    try:
        _persistently(close, _MOST_OF_A_CLOSE)
    except BlockingIOError:
        handle.close()
    finally:
        journal.release(path)


@contextmanager
def gate(path: str) -> Iterator[None]:
    """
    Pass the gate of a file, which stands beside it, alone.

    DuckDB reads the head of a file before it locks it. Who is held up between the two, while
    another process writes a new head and closes the file, goes on from the old one, and what the
    other has committed is lost. So nobody opens the file while another opens or closes it.

    :raises BlockingIOError: when somebody is in the gate.
    """
    if path == IN_MEMORY:
        yield
        return
    with Path(f"{path}.gate").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def _persistently(act: Callable[[], _Answer], seconds: float) -> _Answer:
    """Do it as soon as nobody is in the way, or say who is."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while True:
        try:
            return act()
        except Exception as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def _is_busy(error: Exception) -> bool:
    # The last: a thread of this process is about to close the file.
    words = ("Could not set lock", "Unique file handle conflict")
    return isinstance(error, BlockingIOError) or any(word in str(error) for word in words)


def _why_not(path: str, lock_wait: float, reason: str) -> str:
    holder = re.search(r"held in (.+?) \(PID (\d+)\)", reason)
    if holder is None:
        return f"DuckDB file {path} cannot be opened: {reason}"
    program, pid = holder.groups()
    return (
        f"DuckDB file {path} is held by process {pid} ({program}), for more than "
        f"{lock_wait:g} s. A DuckDB file belongs to one process at a time. Wait for that "
        "process or end it, or use a PostgreSQL store where many tasks write at once."
    )
