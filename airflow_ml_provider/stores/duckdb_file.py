"""A DuckDB file: made whole, opened by one process at a time, waited for while another has it."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from airflow_ml_provider.domain.errors import UnavailableError
from airflow_ml_provider.stores.duckdb_engine import CONFIG, in_utc, installed

if TYPE_CHECKING:
    import duckdb

IN_MEMORY = ":memory:"


def opened(path: str, lock_wait: float) -> duckdb.DuckDBPyConnection:
    """
    Return a connection to the file, in UTC; the file is made when there is none.

    :raises UnavailableError: when another process holds it for ``lock_wait`` seconds, or when it
        cannot be opened at all.
    """
    library = installed()
    deadline = time.monotonic() + lock_wait
    pause = 0.02
    while True:
        try:
            _made(path)
            connection = library.connect(path, config=CONFIG)
        except library.Error as error:
            if not _is_busy(str(error)) or time.monotonic() > deadline:
                raise UnavailableError(_why_not(path, lock_wait, str(error))) from error
        else:
            return in_utc(connection)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)


def _made(path: str) -> None:
    """
    Make an empty file aside and link it into its place, when nothing is there.

    DuckDB looks whether the file exists before it locks it. Of two processes that make it at once
    one can find it half made, or write a new head over rows that the other has committed.
    """
    if path == IN_MEMORY or Path(path).exists():
        return
    aside = Path(f"{path}.{uuid4().hex}")
    try:
        installed().connect(str(aside)).close()
        # Where files cannot be linked DuckDB makes its own; where one is there already, good.
        with suppress(OSError):
            os.link(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def _is_busy(reason: str) -> bool:
    # The second: a thread of this process is about to close the file.
    return "Could not set lock" in reason or "Unique file handle conflict" in reason


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
