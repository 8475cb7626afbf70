"""A hint: what would make writes to a table faster, said once in the log of a process."""

from __future__ import annotations

import logging

from airflow_ml_provider.domain.errors import MLProviderError
from airflow_ml_provider.domain.table import TableName
from airflow_ml_provider.stores.connection.session import Session

log = logging.getLogger(__name__)

_said: set[tuple[str, TableName, str]] = set()


def hint(session: Session, table: TableName, column: str) -> str | None:
    """Return what to do when each write of a partition reads the whole of a large table."""
    cure = session.missing_index(table, column)
    if cure is None:
        return None
    return (
        f"Table {table} is large and has no index on {column!r}, so each write of a partition "
        f"reads all of it. Run: {cure}"
    )


def say_once(session: Session, table: TableName, column: str) -> None:
    """Look at a table after a write, the first time in this process, and say what is amiss."""
    place = (session.address, table, column)
    if place in _said:
        return
    _said.add(place)
    try:
        found = hint(session, table, column)
    except MLProviderError as error:  # the write is done, and a hint is no reason to fail it
        log.debug("Whether %s needs an index could not be seen: %s", table, error)
        return
    if found:
        log.warning(found)
